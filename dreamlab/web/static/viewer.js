// Shows a model in model-viewer, which is loaded when it is first needed.

import * as dimensions from "./dimensions.js";

const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
const container = document.getElementById("show");
const turnButton = document.getElementById("turn");
const arButton = document.getElementById("room");
const arHint = document.getElementById("room-hint");

let loading = null;

export function load() {
  loading ??= import(document.body.dataset.viewer).catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

let isWarm = false;

// Draws a tiny model that nobody sees. A phone takes seconds to compile the shaders, and has the
// time before the real model is there.
export async function warmUp() {
  await load();
  if (isWarm) return;
  isWarm = true;
  const viewer = document.createElement("model-viewer");
  viewer.className = "unseen";
  viewer.inert = true;
  viewer.setAttribute("shadow-intensity", "1");
  viewer.setAttribute("loading", "eager");
  viewer.setAttribute("src", new URL("warm-up.glb", import.meta.url));
  document.body.append(viewer);
  await loaded(viewer).finally(() => viewer.remove());
}

// Shows the model at `url`, and the image `poster` until it is loaded. In AR it has its own size;
// Apple's Quick Look takes it from `usdz`.
export async function show(url, usdz, name, poster) {
  close();
  await load();
  const viewer = document.createElement("model-viewer");
  const attributes = {
    src: url,
    "ios-src": usdz,
    alt: `3D model: ${name}`,
    poster,
    loading: "eager",
    ar: "",
    "ar-modes": "webxr scene-viewer quick-look",
    "ar-scale": "fixed",
    "ar-placement": "floor",
    "camera-controls": "",
    "touch-action": "pan-y",
    "shadow-intensity": "1",
    "interaction-prompt": "none",
    "rotation-per-second": "24deg",
    // The numbers beside the model need room.
    "camera-orbit": "-35deg 75deg 150%",
  };
  for (const [key, value] of Object.entries(attributes)) viewer.setAttribute(key, value);
  setRotating(viewer, !reducedMotion.matches);
  container.replaceChildren(viewer);
  await loaded(viewer);
  dimensions.attach(viewer);
  arButton.hidden = !viewer.canActivateAR;
  arHint.hidden = viewer.canActivateAR;
}

// Shows the same model in another size.
export async function resize(url, usdz) {
  const viewer = container.querySelector("model-viewer");
  if (!viewer || viewer.getAttribute("src") === url) return;
  viewer.setAttribute("ios-src", usdz);
  viewer.setAttribute("src", url);
  await loaded(viewer);
  dimensions.update(viewer);
  viewer.jumpCameraToGoal();
}

function loaded(viewer) {
  return new Promise((resolve, reject) => {
    viewer.addEventListener("load", resolve, { once: true });
    viewer.addEventListener("error", reject, { once: true });
  });
}

export function close() {
  arButton.hidden = true;
  container.replaceChildren();
}

export function showMessage(text) {
  close();
  container.append(Object.assign(document.createElement("p"), { textContent: text }));
}

function setRotating(viewer, isOn) {
  viewer.toggleAttribute("auto-rotate", isOn);
  turnButton.setAttribute("aria-pressed", isOn);
}

turnButton.addEventListener("click", () => {
  const viewer = container.firstElementChild;
  if (viewer) setRotating(viewer, !viewer.hasAttribute("auto-rotate"));
});
arButton.addEventListener("click", () => container.firstElementChild?.activateAR());
