// The one to four photos. The form's own file inputs hold them, so that the form can be sent as it is.

const slots = [...document.querySelectorAll(".view")].map((root) => ({
  root,
  input: root.querySelector("input"),
  empty: root.querySelector("label"),
  shot: root.querySelector(".shot"),
  image: root.querySelector("img"),
}));

const controls = document.getElementById("controls");

function put(slot, file) {
  const files = new DataTransfer();
  if (file) files.items.add(file);
  slot.input.files = files.files;
  draw(slot);
}

function draw(slot) {
  const [file] = slot.input.files;
  URL.revokeObjectURL(slot.image.src);
  slot.shot.hidden = !file;
  slot.root.classList.toggle("filled", Boolean(file));
  slot.shot.classList.remove("unshown");
  if (!file) return slot.image.removeAttribute("src");
  slot.shot.querySelector(".file").textContent = file.name;
  slot.image.alt = `${slot.root.dataset.side} view: ${file.name}`;
  slot.image.src = URL.createObjectURL(file);
}

// Puts photos where there is room, the first at `slot` if that is given.
function take(files, slot = null) {
  if (controls.disabled) return;
  for (const file of files) {
    const target = slot ?? slots.find(({ input }) => !input.files.length);
    if (!target) break;
    put(target, file);
    slot = null;
  }
  if (files.length) controls.dispatchEvent(new CustomEvent("photos", { bubbles: true }));
}

export const front = () => slots[0].input.files[0] ?? null;
export const bytes = () => slots.reduce((sum, { input }) => sum + (input.files[0]?.size ?? 0), 0);
export const focus = () => slots[0].input.focus();

for (const slot of slots) {
  slot.input.addEventListener("change", () => {
    const chosen = [...slot.input.files];
    put(slot, null);
    take(chosen, slot);
  });
  // A photo that the server can read and this browser cannot show, such as HEIC.
  slot.image.addEventListener("error", () => slot.shot.classList.add("unshown"));
  slot.shot.querySelector("button").addEventListener("click", () => {
    put(slot, null);
    slot.input.focus();
  });
}

const camera = document.getElementById("camera");
camera.addEventListener("change", () => {
  take([...camera.files]);
  camera.value = "";
});

document.addEventListener("paste", ({ clipboardData }) => take([...clipboardData.files]));

const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
const dragging = (is) => document.body.classList.toggle("dragging", is);

document.addEventListener("dragover", (event) => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  dragging(true);
});
document.addEventListener("dragleave", (event) => event.relatedTarget || dragging(false));
document.addEventListener("drop", (event) => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  dragging(false);
  const root = event.target.closest?.(".view");
  take([...event.dataTransfer.files], slots.find((slot) => slot.root === root) ?? null);
});
