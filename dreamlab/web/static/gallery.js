// The list of the session's models, newest first.

import * as api from "./api.js";
import { modelTitle } from "./messages.js";

const list = document.getElementById("list");
let records = [];

export const names = () => records.map(({ model }) => model);
export const record = (name) => records.find(({ model }) => model === name);

// Loads the list again. Returns the names that are new in it.
export async function refresh(onOpen, onDelete) {
  const before = names();
  records = (await api.models()).reverse();
  const items = [...list.children];
  const itemOf = (name) => items.find(({ dataset }) => dataset.url === api.modelUrl(name));
  // An item that stays keeps its picture.
  list.replaceChildren(
    ...names().map((name) => itemOf(name) ?? createItem(name, onOpen, onDelete)),
  );
  document.getElementById("clear").hidden = !records.length;
  document.getElementById("none").hidden = Boolean(records.length);
  return names().filter((name) => !before.includes(name));
}

function createItem(name, onOpen, onDelete) {
  const title = modelTitle(name);
  const item = document.createElement("li");
  item.dataset.url = api.modelUrl(name);
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

// The server makes the picture. Where it cannot, or has no time for it, there is an icon.
function createThumbnail(name) {
  const image = Object.assign(new Image(), { loading: "lazy", alt: "", width: 512, height: 512 });
  image.addEventListener("error", () => image.replaceWith(createIcon("icon-cube")));
  image.src = api.modelUrl(name, "webp");
  return image;
}

export function createButton(className, name, label, content, onClick) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = className;
  if (name) button.dataset.model = name;
  button.ariaLabel = label;
  button.append(content);
  button.addEventListener("click", () => onClick(name));
  return button;
}

export function createIcon(id) {
  const template = document.createElement("template");
  template.innerHTML = `<svg aria-hidden="true"><use href="#${id}"/></svg>`;
  return template.content;
}
