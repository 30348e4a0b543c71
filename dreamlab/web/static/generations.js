// The generations whose end the person has not seen: one of them on the stage, the others as cards.

import * as api from "./api.js";
import * as messages from "./messages.js";
import * as storage from "./storage.js";
import { createButton, createIcon } from "./gallery.js";

// The pause between two looks at their states, as a share of the time since the last start: a model
// takes seconds here, minutes there.
const PAUSE = 0.1;
const MIN_PAUSE_S = 0.4;
const MAX_PAUSE_S = 3;

const cards = document.getElementById("under-way");
const states = new Map(); // what is known of each, by id
let watched = null; // the id of the one on the stage
let isPolling = false;
let startedAt = Date.now();
let handlers = {};

// onChange(state) hears of the one on the stage, onEnd(state, isWatched) of each end, and
// onLost(id, error) of each that the server does not know. onOpen(state), onCancel(state),
// onRetry(state) and onRemove(state) are for the cards.
export const listen = (those) => (handlers = those);

export const watchedId = () => watched;

// Takes up a generation that has been accepted, and shows it on the stage.
export function add(state, size = null) {
  storage.setWaiting([...storage.waiting(), { id: state.generation_id, size }]);
  // The answer to a repeated form may be that it has ended: that is for the next look.
  if (!hasEnded(state)) states.set(state.generation_id, state);
  watch(state.generation_id);
  startedAt = Date.now();
  poll();
}

export function watch(id) {
  watched = id;
  showCards();
}

// Forgets a generation: its end was seen. Returns the size that was asked for.
export function forget(id) {
  const waiting = storage.waiting();
  storage.setWaiting(waiting.filter((each) => each.id !== id));
  states.delete(id);
  if (watched === id) watched = null;
  showCards();
  return waiting.find((each) => each.id === id)?.size ?? null;
}

// Takes up what was under way when the page was left; the newest goes to the stage.
export function resume() {
  const newest = storage.waiting().at(-1);
  if (!newest) return;
  watched = newest.id;
  poll();
}

const hasEnded = ({ status }) => ["succeeded", "failed", "cancelled"].includes(status);

async function poll() {
  if (isPolling) return;
  isPolling = true;
  for (;;) {
    const open = storage.waiting().filter(({ id }) => !hasEnded(states.get(id) ?? {}));
    if (!open.length) break;
    await Promise.all(open.map(({ id }) => look(id)));
    const pause = Math.max(((Date.now() - startedAt) / 1000) * PAUSE, MIN_PAUSE_S);
    await new Promise((resolve) => setTimeout(resolve, Math.min(pause, MAX_PAUSE_S) * 1000));
  }
  isPolling = false;
}

async function look(id) {
  let state;
  try {
    state = await api.generation(id);
  } catch (error) {
    // A server that restarts goes on with it.
    const isLost = ["generation_not_found", "session_not_found"].includes(error.code);
    return isLost && handlers.onLost(id, error);
  }
  if (!storage.waiting().some((each) => each.id === id)) return;
  states.set(id, state);
  if (hasEnded(state)) await handlers.onEnd(state, id === watched);
  else if (id === watched) handlers.onChange(state);
  showCards();
}

// The cards

function showCards() {
  const shown = [...states.values()].filter(({ generation_id: id }) => id !== watched).reverse();
  const cardOf = (id) => [...cards.children].find(({ dataset }) => dataset.id === id);
  const kept = (state) => {
    const card = cardOf(state.generation_id);
    return card?.dataset.failed === String(hasEnded(state)) ? card : createCard(state);
  };
  const wanted = shown.map((state) => updateCard(kept(state), state));
  // Moving a card would take the focus from it.
  if (wanted.some((card, index) => cards.children[index] !== card) || cards.children.length !== wanted.length)
    cards.replaceChildren(...wanted);
}

function createCard(state) {
  const title = messages.modelTitle(state.filename.replace(/\.\w+$/, ""));
  const failed = hasEnded(state);
  const card = document.createElement("li");
  card.dataset.id = state.generation_id;
  card.dataset.failed = failed;
  const caption = document.createElement("span");
  caption.className = "caption";
  caption.textContent = title;
  const act = failed ? handlers.onRetry : handlers.onOpen;
  const label = failed ? `Try ${title} again` : `Show the progress of ${title}`;
  const button = createButton("open", "", label, createFace(failed), () => act(currentState(state)));
  button.dataset.label = label;
  const close = failed ? handlers.onRemove : handlers.onCancel;
  const closeLabel = failed ? `Remove ${title}` : `Cancel ${title}`;
  card.append(
    button,
    caption,
    createButton("icon", "", closeLabel, createIcon("icon-close"), () => close(currentState(state))),
  );
  return card;
}

const currentState = ({ generation_id: id }) => states.get(id);

function createFace(failed) {
  const face = document.createDocumentFragment();
  const text = document.createElement("span");
  if (failed) face.append(createIcon("icon-again"), text);
  else face.append(createIcon("icon-cube"), text, Object.assign(document.createElement("progress"), { max: 1 }));
  return face;
}

function updateCard(card, state) {
  const text = card.querySelector(".open span");
  const bar = card.querySelector("progress");
  const words = state.error
    ? messages.explainError(api.failure(state.error)).title
    : messages.describeProgress(state);
  if (text.textContent !== words) {
    text.textContent = words;
    const button = card.querySelector(".open");
    button.ariaLabel = `${words}. ${button.dataset.label}`;
  }
  if (bar) messages.showFraction(bar, state.fraction);
  return card;
}
