// The place where the model stands, and what is said about it.

import * as messages from "./messages.js";
import * as viewer from "./viewer.js";

const byId = (id) => document.getElementById(id);
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
export const stage = byId("stage");

export const announce = (text) => (byId("live").textContent = text);

export function showNote(text) {
  byId("note").textContent = text;
  byId("note").hidden = !text;
}

export function showState(state, focus) {
  stage.dataset.state = state;
  for (const part of stage.children) part.hidden = part.className !== state;
  if (state !== "result") viewer.close();
  if (!focus) return;
  byId(focus).focus({ preventScroll: true });
  stage.scrollIntoView({ behavior: reducedMotion.matches ? "auto" : "smooth", block: "nearest" });
}

export function showError(error) {
  const { title, sentence, advice, canRetry, canChangePhoto } = messages.explainError(error);
  byId("trouble").textContent = title;
  byId("sentence").textContent = sentence;
  byId("advice").textContent = advice;
  byId("again").hidden = !canRetry;
  byId("other").hidden = !canChangePhoto;
  showState("problem", "trouble");
}
