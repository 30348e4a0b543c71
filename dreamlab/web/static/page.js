// Handles what a person does, and shows the state of the page.

import * as api from "./api.js";
import * as dialogs from "./dialogs.js";
import * as gallery from "./gallery.js";
import * as messages from "./messages.js";
import * as photos from "./photos.js";
import * as result from "./result.js";
import * as storage from "./storage.js";
import * as viewer from "./viewer.js";
import * as views from "./views.js";
import { SizeField } from "./size.js";
import { announce, showError, showNote, showState, stage } from "./stage.js";

// A pending model is polled for, with growing pauses, until it is listed or this time is over.
const MAX_POLL_INTERVAL_S = 15;
const POLL_TIMEOUT_S = 1200;

// What Apple's Quick Look takes at most. So many faces are about 3 MB, Khronos' limit for phones.
const MAX_FACES = 100_000;

const byId = (id) => document.getElementById(id);

let generation = null; // the AbortController of the generation in flight
let currentPoll = null;
let isSizeOfResult = false; // the size in the form is that of the model that is shown

const sizeField = new SizeField(byId("size"), { onChange: () => (isSizeOfResult = false) });

// Generating a model

async function generate() {
  const form = byId("form");
  if (generation) return;
  if (!form.checkValidity()) {
    if (form.querySelector("#advanced :invalid")) byId("advanced").open = true;
    return form.reportValidity();
  }
  const photo = views.frontPhoto();
  if (!photo) return showError(new api.ApiError("missing_image"));
  const poster = URL.createObjectURL(photo);
  const data = new FormData(form);
  const size = sizeField.value;
  if (size) data.set(`${size.side}_cm`, size.cm);
  data.set("max_faces", MAX_FACES);
  const hideProgress = showProgress(poster);
  viewer.load().catch(() => {});
  try {
    await preparePhotos(data);
    generation.signal.throwIfAborted();
    const options = { signal: generation.signal, onProgress: updateProgress, askKey };
    const { model, warnings = [], size_guess_cm: guess } = await api.generate(data, options);
    storage.setPendingSince(null);
    storage.setSize(model, size ?? (guess ? { side: "height", cm: guess.height } : null));
    hideProgress();
    await refreshGallery();
    showNote(warnings.join(" "));
    await result.open(model, poster);
  } catch (error) {
    hideProgress();
    handleFailure(error);
  } finally {
    URL.revokeObjectURL(poster);
  }
}

// Makes the photos of the form small enough to send.
async function preparePhotos(data) {
  let total = 0;
  for (const [field, file] of [...data]) {
    if (!(file instanceof File) || !file.size) continue;
    const small = await photos.shrink(file);
    data.set(field, small);
    total += small.size;
  }
  const limit = Number(document.body.dataset.maxUploadMb);
  if (total <= limit * 2 ** 20) return;
  const detail = `You chose ${messages.formatSize(total)}; ${limit} MB is the limit.`;
  throw new api.ApiError("upload_too_large", detail);
}

function showProgress(poster) {
  generation = new AbortController();
  currentPoll = null;
  showNote("");
  byId("controls").disabled = true;
  storage.setPendingSince(Date.now());
  byId("working-on").src = poster;
  updateProgress("queued", {}, "Sending the photo");
  showState("work", "cancel");
  const start = Date.now();
  const showElapsed = () =>
    (byId("elapsed").textContent = messages.formatTime((Date.now() - start) / 1000));
  const timer = setInterval(showElapsed, 500);
  showElapsed();
  return () => {
    clearInterval(timer);
    byId("controls").disabled = false;
    generation = null;
  };
}

function updateProgress(event, data, text = messages.describeProgress(event, data)) {
  if (data.fraction > 0) byId("bar").value = data.fraction;
  else byId("bar").removeAttribute("value");
  if (byId("doing").textContent !== text) byId("doing").textContent = announce(text);
}

// The generation failed, or it continues on the server without a connection to this page.
function handleFailure(error) {
  const isCancelled = error.name === "AbortError";
  if (!isCancelled && error.code !== "connection_lost") {
    storage.setPendingSince(null);
    showError(error);
    if (!error.code) throw error;
    return;
  }
  showState("empty");
  showNote(announce(isCancelled ? messages.CANCELLED : messages.CONNECTION_LOST));
  byId("models").focus();
  pollForModel();
}

// Polls the list until it has a new model. A later call replaces an earlier one.
async function pollForModel() {
  const thisPoll = (currentPoll = {});
  for (let pause = 1; ; pause = Math.min(pause * 1.4, MAX_POLL_INTERVAL_S)) {
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
    const age = Date.now() - storage.pendingSince();
    if (currentPoll !== thisPoll || age > POLL_TIMEOUT_S * 1000) return;
    const [name] = await refreshGallery();
    if (!name) continue;
    storage.setPendingSince(null);
    showNote("");
    announce(`${messages.modelTitle(name)} is ready.`);
    return;
  }
}

async function askKey(wasWrong) {
  byId("key").value = "";
  byId("key-hint").textContent = wasWrong ? messages.WRONG_KEY : messages.KEY_HINT;
  return (await dialogs.confirm(byId("unlock"))) ? byId("key").value.trim() : null;
}

// The gallery

const openModel = (name) => generation || result.open(name);

async function refreshGallery() {
  try {
    const added = await gallery.refresh(openModel, deleteModel);
    if (byId("note").textContent === messages.LIST_FAILED) showNote("");
    return added;
  } catch (error) {
    if (error.code !== "offline" && byId("note").hidden) showNote(messages.LIST_FAILED);
    return [];
  }
}

async function confirmDeletion(question, names, deleteThem) {
  byId("question").textContent = question;
  if (!(await dialogs.confirm(byId("ask")))) return;
  try {
    await deleteThem();
  } catch {
    return showNote(messages.DELETE_FAILED);
  }
  for (const name of names) storage.setSize(name, null);
  if (result.isShown(names)) showState("empty");
  await refreshGallery();
  byId("models").focus({ preventScroll: true });
  announce("Deleted.");
}

const deleteModel = (name) =>
  confirmDeletion(`Delete ${messages.modelTitle(name)}?`, [name], () => api.deleteModel(name));

byId("clear").addEventListener("click", () =>
  confirmDeletion("Delete all your models?", gallery.names(), api.deleteAllModels),
);

// Other controls

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  generate();
});
// The size of the model on the stage is that of its next try, but not that of another piece.
result.whenResized((size) => {
  sizeField.set(size);
  isSizeOfResult = true;
});
document.addEventListener("photos", () => {
  if (isSizeOfResult) sizeField.set(null);
  if (stage.dataset.state === "problem") showState("empty");
  byId("make").focus({ preventScroll: true });
  viewer.load().catch(() => {});
});
byId("cancel").addEventListener("click", () => generation?.abort());
byId("again").addEventListener("click", generate);
byId("other").addEventListener("click", () => {
  showState("empty");
  views.focus();
});

const updateOffline = () => (byId("offline").hidden = navigator.onLine);
window.addEventListener("offline", updateOffline);
window.addEventListener("online", () => {
  updateOffline();
  refreshGallery();
});
updateOffline();

api.health().then(
  ({ engine }) => (byId("engine").textContent = messages.describeEngine(engine)),
  () => {},
);
await refreshGallery();
if (storage.pendingSince()) {
  showNote(messages.PENDING);
  pollForModel();
}
