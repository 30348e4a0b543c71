// The list of the session's models, newest first.

import * as api from "./api.js";
import { modelTitle } from "./messages.js";
import * as storage from "./storage.js";

const list = document.getElementById("list");
let listedNames = [];

export const names = () => listedNames;
export const url = (name) => storage.model(name).url ?? api.modelUrl(name);

// Loads the list again. Returns the names that are new in it.
export async function refresh(onOpen, onDelete) {
  const before = listedNames;
  listedNames = (await api.models()).reverse();
  list.replaceChildren(...listedNames.map((name) => createItem(name, onOpen, onDelete)));
  document.getElementById("clear").hidden = !listedNames.length;
  document.getElementById("none").hidden = Boolean(listedNames.length);
  return listedNames.filter((name) => !before.includes(name));
}

export function updateThumbnail(name) {
  const button = [...list.querySelectorAll(".look")].find(({ dataset }) => dataset.model === name);
  button?.replaceChildren(createThumbnail(name));
}

function createItem(name, onOpen, onDelete) {
  const title = modelTitle(name);
  const item = document.createElement("li");
  const caption = document.createElement("span");
  caption.className = "caption";
  caption.textContent = title;
  item.append(
    createButton("look", name, `Show ${title}`, createThumbnail(name), onOpen),
    caption,
    createButton("icon", name, `Delete ${title}`, createIcon("icon-trash"), onDelete),
  );
  return item;
}

function createThumbnail(name) {
  const { thumbnail } = storage.model(name);
  if (!thumbnail) return createIcon("icon-cube");
  return Object.assign(new Image(), { src: thumbnail, alt: "" });
}

function createButton(className, name, label, content, onClick) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = className;
  button.dataset.model = name;
  button.ariaLabel = label;
  button.append(content);
  button.addEventListener("click", () => onClick(name));
  return button;
}

function createIcon(id) {
  const template = document.createElement("template");
  template.innerHTML = `<svg aria-hidden="true"><use href="#${id}"/></svg>`;
  return template.content;
}
