// The session's models, newest first.

import * as api from "./api.js";
import * as memory from "./memory.js";
import { title } from "./words.js";

const list = document.getElementById("list");
let listed = [];

export const names = () => listed;
export const url = (name) => memory.model(name).url ?? api.modelUrl(name);

// Reads the list anew; answers the names that were not there before.
export async function refresh(open, remove) {
  const before = listed;
  listed = (await api.models()).reverse();
  list.replaceChildren(...listed.map((name) => card(name, open, remove)));
  document.getElementById("clear").hidden = !listed.length;
  document.getElementById("none").hidden = Boolean(listed.length);
  return listed.filter((name) => !before.includes(name));
}

export function repaint(name) {
  const look = [...list.querySelectorAll(".look")].find(({ dataset }) => dataset.model === name);
  look?.replaceChildren(picture(name));
}

function card(name, open, remove) {
  const item = document.createElement("li");
  const caption = document.createElement("span");
  caption.className = "caption";
  caption.textContent = title(name);
  item.append(
    button("look", name, `Show ${title(name)}`, picture(name), open),
    caption,
    button("icon", name, `Delete ${title(name)}`, icon("icon-trash"), remove),
  );
  return item;
}

function picture(name) {
  const { thumbnail } = memory.model(name);
  if (!thumbnail) return icon("icon-cube");
  return Object.assign(new Image(), { src: thumbnail, alt: "" });
}

function button(kind, name, label, content, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = kind;
  made.dataset.model = name;
  made.ariaLabel = label;
  made.append(content);
  made.addEventListener("click", () => act(name));
  return made;
}

function icon(id) {
  const template = document.createElement("template");
  template.innerHTML = `<svg aria-hidden="true"><use href="#${id}"/></svg>`;
  return template.content;
}
