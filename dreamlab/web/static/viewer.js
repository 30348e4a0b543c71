// Shows a model in model-viewer, which is loaded when it is first needed.

const THUMBNAIL_PX = 320;
const FIRST_BYTES = 16384;
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
const container = document.getElementById("show");
const turnButton = document.getElementById("turn");
const arButton = document.getElementById("room");
const arHint = document.getElementById("room-hint");

let loading = null;

const nextFrame = () => new Promise(requestAnimationFrame);

export function load() {
  loading ??= import(document.body.dataset.viewer).catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

// Shows the model at `url`, and the image `poster` until it is loaded. Returns the viewer.
export async function show(url, name, poster) {
  close();
  await load();
  const viewer = document.createElement("model-viewer");
  const attributes = {
    src: url,
    alt: `3D model: ${name}`,
    poster,
    loading: "eager",
    ar: "",
    "ar-modes": "webxr scene-viewer quick-look",
    "camera-controls": "",
    "touch-action": "pan-y",
    "shadow-intensity": "1",
    "interaction-prompt": "none",
    "rotation-per-second": "24deg",
  };
  if (!poster) delete attributes.poster;
  for (const [key, value] of Object.entries(attributes)) viewer.setAttribute(key, value);
  setRotating(viewer, !reducedMotion.matches);
  container.replaceChildren(viewer);
  await new Promise((resolve, reject) => {
    viewer.addEventListener("load", resolve, { once: true });
    viewer.addEventListener("error", reject, { once: true });
  });
  arButton.hidden = !viewer.canActivateAR;
  arHint.hidden = viewer.canActivateAR;
  return viewer;
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

// A small picture of the model from the current camera position, as a data: URL.
export async function createThumbnail(viewer) {
  // The model is drawn some frames after it is loaded.
  while (viewer.isConnected && !viewer.modelIsVisible) await nextFrame();
  await nextFrame();
  const picture = await createImageBitmap(await viewer.toBlob({ idealAspect: true }));
  const scale = THUMBNAIL_PX / Math.max(picture.width, picture.height);
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/webp", 0.8);
}

// The number of triangles and bytes of a GLB, from its JSON chunk (glTF 2.0, sections 3.7 and 4.4).
export async function readGlb(url) {
  const start = await fetchStart(url, FIRST_BYTES);
  const length = new DataView(start.bytes).getUint32(12, true);
  const isTooShort = length + 20 > start.bytes.byteLength;
  const { bytes } = isTooShort ? await fetchStart(url, length + 20) : start;
  const gltf = JSON.parse(new TextDecoder().decode(bytes.slice(20, 20 + length)));
  let faces = 0;
  for (const { primitives } of gltf.meshes ?? []) {
    for (const { indices, attributes, mode = 4 } of primitives) {
      const { count } = gltf.accessors[indices ?? attributes.POSITION];
      faces += mode === 4 ? count / 3 : mode > 4 ? count - 2 : 0;
    }
  }
  return { faces, bytes: start.total };
}

async function fetchStart(url, count) {
  const response = await fetch(url, { headers: { Range: `bytes=0-${count - 1}` } });
  const range = response.headers.get("Content-Range")?.split("/")[1];
  const data = await response.arrayBuffer();
  return { bytes: data, total: Number(range) || data.byteLength };
}
