// The one to four photos. The form's own file inputs hold them, so the form can be sent unchanged.

const slots = [...document.querySelectorAll(".view")].map((root) => ({
  root,
  input: root.querySelector("input"),
  preview: root.querySelector(".shot"),
  image: root.querySelector("img"),
}));

const controls = document.getElementById("controls");

function setPhoto(slot, file) {
  const transfer = new DataTransfer();
  if (file) transfer.items.add(file);
  slot.input.files = transfer.files;
  showPreview(slot);
}

function showPreview(slot) {
  const [file] = slot.input.files;
  URL.revokeObjectURL(slot.image.src);
  slot.preview.hidden = !file;
  slot.root.classList.toggle("filled", Boolean(file));
  slot.preview.classList.remove("unshown");
  if (!file) return slot.image.removeAttribute("src");
  slot.preview.querySelector(".file").textContent = file.name;
  slot.image.alt = `${slot.root.dataset.side} view: ${file.name}`;
  slot.image.src = URL.createObjectURL(file);
}

// Adds photos to the empty slots. The first one replaces the photo in `slot`, if that is given.
function addPhotos(files, slot = null) {
  if (controls.disabled) return;
  for (const file of files) {
    const target = slot ?? slots.find(({ input }) => !input.files.length);
    if (!target) break;
    setPhoto(target, file);
    slot = null;
  }
  if (files.length) controls.dispatchEvent(new CustomEvent("photos", { bubbles: true }));
}

export const frontPhoto = () => slots[0].input.files[0] ?? null;
// The name of each field that has a photo, and the photo.
export const allPhotos = () =>
  slots.flatMap(({ input }) => [...input.files].map((photo) => [input.name, photo]));
export const focus = () => slots[0].input.focus();

for (const slot of slots) {
  slot.input.addEventListener("change", () => {
    const files = [...slot.input.files];
    setPhoto(slot, null);
    addPhotos(files, slot);
  });
  // The server can read some photos that this browser cannot show, such as HEIC.
  slot.image.addEventListener("error", () => slot.preview.classList.add("unshown"));
  slot.preview.querySelector("button").addEventListener("click", () => {
    setPhoto(slot, null);
    slot.input.focus();
  });
}

const camera = document.getElementById("camera");
camera.addEventListener("change", () => {
  addPhotos([...camera.files]);
  camera.value = "";
});

document.addEventListener("paste", ({ clipboardData }) => addPhotos([...clipboardData.files]));

const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
const setDragging = (isDragging) => document.body.classList.toggle("dragging", isDragging);

document.addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  setDragging(true);
});
document.addEventListener("dragleave", (event) => event.relatedTarget || setDragging(false));
document.addEventListener("drop", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  setDragging(false);
  const root = event.target.closest?.(".view");
  const slot = slots.find((candidate) => candidate.root === root) ?? null;
  addPhotos([...event.dataTransfer.files], slot);
});
