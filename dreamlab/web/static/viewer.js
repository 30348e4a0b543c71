// The model on its stage, in model-viewer, which is fetched when it is first needed.

const THUMBNAIL_PX = 320;
const HEAD_BYTES = 16384;
const still = matchMedia("(prefers-reduced-motion: reduce)");
const show = document.getElementById("show");
const turn = document.getElementById("turn");
const room = document.getElementById("room");
const hint = document.getElementById("room-hint");

let loading = null;

const nextFrame = () => new Promise(requestAnimationFrame);

export function prepare() {
  loading ??= import(document.body.dataset.viewer).catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

// Shows the model at `url`, `poster` until then; answers the viewer once it does.
export async function view(url, name, poster) {
  close();
  await prepare();
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
  rotate(viewer, !still.matches);
  show.replaceChildren(viewer);
  await new Promise((resolve, reject) => {
    viewer.addEventListener("load", resolve, { once: true });
    viewer.addEventListener("error", reject, { once: true });
  });
  room.hidden = !viewer.canActivateAR;
  hint.hidden = viewer.canActivateAR;
  return viewer;
}

export function close() {
  room.hidden = true;
  show.replaceChildren();
}

export function apologize(text) {
  close();
  show.append(Object.assign(document.createElement("p"), { textContent: text }));
}

function rotate(viewer, on) {
  viewer.toggleAttribute("auto-rotate", on);
  turn.setAttribute("aria-pressed", on);
}

turn.addEventListener("click", () => {
  const viewer = show.firstElementChild;
  if (viewer) rotate(viewer, !viewer.hasAttribute("auto-rotate"));
});
room.addEventListener("click", () => show.firstElementChild?.activateAR());

// A small picture of the model as it stands now, as a data: URL.
export async function thumbnail(viewer) {
  // It loads before it is drawn.
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

// The number of triangles and bytes of a GLB (glTF 2.0, sections 3.7 and 4.4), from its head alone.
export async function measure(url) {
  const head = await part(url, HEAD_BYTES);
  const length = new DataView(head.bytes).getUint32(12, true);
  const whole = length + 20 > head.bytes.byteLength ? await part(url, length + 20) : head;
  const gltf = JSON.parse(new TextDecoder().decode(whole.bytes.slice(20, 20 + length)));
  let faces = 0;
  for (const { primitives } of gltf.meshes ?? []) {
    for (const { indices, attributes, mode = 4 } of primitives) {
      const { count } = gltf.accessors[indices ?? attributes.POSITION];
      faces += mode === 4 ? count / 3 : mode > 4 ? count - 2 : 0;
    }
  }
  return { faces, bytes: head.total };
}

async function part(url, bytes) {
  const answer = await fetch(url, { headers: { Range: `bytes=0-${bytes - 1}` } });
  const range = answer.headers.get("Content-Range")?.split("/")[1];
  const data = await answer.arrayBuffer();
  return { bytes: data, total: Number(range) || data.byteLength };
}
