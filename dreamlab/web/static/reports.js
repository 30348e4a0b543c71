// The table that says where a model can be used as it is, from the API's report.

import * as api from "./api.js";

const USES = {
  AR: { khronos_mobile_ar: "Phones", google_scene_viewer: "Android", apple_quick_look: "iPhone" },
  "Room planners": { khronos_room_planner: "Planners" },
  Shops: { amazon: "Amazon", google_merchant: "Google", shopify: "Shopify" },
};

const count = (number) => number.toLocaleString("en");
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

// Rule: a sentence about the value and the limit.
const SENTENCES = {
  triangles: (value, limit) => `${count(value)} faces, at most ${count(limit)}`,
  vertices: (value, limit) => `${count(value)} points, at most ${count(limit)}`,
  bytes: (value, limit) => `the file has ${megabytes(value)}, at most ${megabytes(limit)}`,
  largest_texture: (value, limit) =>
    value === null ? "a texture cannot be read" : `a texture of ${value} pixels, at most ${limit}`,
  textures_not_power_of_two: () => "sides of textures should be 512, 1024 or 2048 pixels",
  textures_not_square: () => "textures should be square",
  texture_sets: (value, limit) => `${value} sets of textures, at most ${limit}`,
  materials: (value, limit) => `${value} materials, at most ${limit}`,
  off_floor_mm: (value) =>
    value === null ? "where its floor is cannot be measured" : "it does not stand on the floor",
  lights: () => "it should have no lights",
  cameras: () => "it should have no cameras",
  animations: () => "it should not move",
  extensions: (value) => `it uses ${value.join(", ")}`,
  errors: () => "the file has errors",
};

const table = document.getElementById("report");
let current = null;

// Shows the report of the model as the query changes it.
export async function show(name, query) {
  const thisReport = (current = {});
  const report = await api.report(name, query).catch(() => null);
  if (current !== thisReport) return;
  table.replaceChildren(...Object.entries(USES).map(([use, names]) => createRow(use, names, report)));
}

function createRow(use, names, report) {
  const row = document.createElement("tr");
  const [head, cell] = ["th", "td"].map((tag) => document.createElement(tag));
  head.scope = "row";
  head.textContent = use;
  row.append(head, cell);
  if (!report) {
    cell.textContent = "Could not be checked";
    return row;
  }
  const targets = report.targets.filter(({ target }) => target in names);
  const isReady = targets.every(({ passes }) => passes);
  row.className = isReady ? "ready" : "unready";
  const verdict = document.createElement("strong");
  verdict.textContent = isReady ? "Ready" : "Not yet";
  const sentences = broken(targets, names).map((text) =>
    Object.assign(document.createElement("span"), { textContent: text }),
  );
  cell.append(verdict, ...sentences);
  return row;
}

// A sentence for each broken rule, with the names of all who ask for it.
function broken(targets, names) {
  const askers = new Map();
  for (const { target, broken } of targets) {
    for (const { rule, value, limit, required } of broken) {
      const sentence = SENTENCES[rule]?.(value, limit) ?? rule;
      const text = required ? sentence : `${sentence} is better`;
      askers.set(text, [...(askers.get(text) ?? []), names[target]]);
    }
  }
  return [...askers].map(([text, who]) => `${who.join(", ")}: ${text}.`);
}
