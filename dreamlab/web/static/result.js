// A model that is shown: its size, its forms to download, and where it can be used.

import * as api from "./api.js";
import * as gallery from "./gallery.js";
import * as messages from "./messages.js";
import * as reports from "./reports.js";
import * as size from "./size.js";
import * as storage from "./storage.js";
import * as viewer from "./viewer.js";
import { announce, showState, stage } from "./stage.js";

const byId = (id) => document.getElementById(id);
const menu = byId("forms");

let shown = null; // the record of the model on the stage
let onResize = () => {};

export const isShown = (names) => stage.dataset.state === "result" && names.includes(shown?.model);
export const whenResized = (listener) => (onResize = listener);

const field = new size.SizeField(byId("result-size"), {
  onUnit: () => shown && showFacts(),
  onChange: (chosen) => {
    storage.setSize(shown.model, chosen);
    onResize(chosen);
    showSize(shown);
    if (shown.measures) announce(size.formatAll(shown.measures));
  },
});

export async function open(name, poster = api.modelUrl(name, "webp")) {
  const record = gallery.record(name) ?? { model: name };
  const title = messages.modelTitle(name);
  showState("result", "name");
  shown = record;
  menu.open = false;
  byId("name").textContent = title;
  announce(`${title} is ready.`);
  const asked = showLinks(record);
  try {
    await viewer.show(asked, api.modelUrl(name, "usdz", usdzQuery(name)), title, poster);
    stage.dataset.shown = name;
  } catch {
    if (shown === record) viewer.showMessage(messages.VIEWER_FAILED);
  }
}

// The USDZ stands on the floor in any size.
const usdzQuery = (name) => size.query(storage.size(name)) || "origin=floor";

async function showSize(record) {
  const url = showLinks(record);
  try {
    await viewer.resize(url, api.modelUrl(record.model, "usdz", usdzQuery(record.model)));
  } catch {
    if (shown === record) viewer.showMessage(messages.VIEWER_FAILED);
  }
}

// Shows what is known of the model in its chosen size. Returns the URL of its GLB.
function showLinks(record) {
  const chosen = storage.size(record.model);
  const query = hasSize(record.size_cm, chosen) ? "" : size.query(chosen);
  record.measures = scaled(record.size_cm, chosen);
  field.set(chosen ?? asHeight(record.measures), record.measures);
  for (const link of menu.querySelectorAll("a")) {
    const { form } = link.dataset;
    link.href = api.modelUrl(record.model, form, query);
    link.download = record.model.replace(/glb$/, form);
  }
  showFacts();
  reports.show(record.model, query || "origin=floor");
  return api.modelUrl(record.model, "glb", query);
}

// Whether the file itself has the size.
const hasSize = (measures, chosen) =>
  Boolean(measures && chosen) && Math.abs(measures[chosen.side] - chosen.cm) < 0.01;

const asHeight = (measures) => measures && { side: "height", cm: measures.height };

// What each side measures where one of them does. Nothing is known of what cannot be measured.
function scaled(measures, chosen) {
  if (!measures || !chosen) return measures;
  const factor = chosen.cm / measures[chosen.side];
  const sides = Object.entries(measures).map(([side, cm]) => [side, cm * factor]);
  return Object.fromEntries(sides);
}

function showFacts() {
  const { engine, seed, triangles, bytes, measures } = shown;
  const rows = {
    "Width × depth × height": measures && size.formatAll(measures),
    "Made by": engine && messages.engineName(engine),
    Seed: seed,
    Faces: triangles?.toLocaleString("en"),
    Size: bytes && messages.formatSize(bytes),
  };
  const known = Object.entries(rows).filter(([, value]) => value !== undefined && value !== null);
  byId("facts").replaceChildren(...known.map(([term, value]) => createFact(term, value)));
}

function createFact(term, value) {
  const row = document.createElement("div");
  row.append(document.createElement("dt"), document.createElement("dd"));
  row.firstChild.textContent = term;
  row.lastChild.textContent = value;
  return row;
}

byId("copy").addEventListener("click", async () => {
  const label = byId("copy").lastElementChild;
  const url = byId("download").href;
  try {
    await navigator.clipboard.writeText(url);
    label.textContent = announce("Link copied");
    setTimeout(() => (label.textContent = "Copy link"), 2500);
  } catch {
    // Browsers have no clipboard without HTTPS.
    prompt("The link to this model:", url);
  }
});

// The menu closes as menus do.
menu.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape" || !menu.open) return;
  menu.open = false;
  menu.firstElementChild.focus();
});
menu.addEventListener("focusout", ({ relatedTarget }) => {
  if (relatedTarget && !menu.contains(relatedTarget)) menu.open = false;
});
document.addEventListener("click", ({ target }) => {
  if (!menu.contains(target) || target.closest("a")) menu.open = false;
});
