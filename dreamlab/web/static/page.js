// Handles what a person does, and shows the state of the page.

import * as api from "./api.js";
import * as dialogs from "./dialogs.js";
import * as gallery from "./gallery.js";
import * as generations from "./generations.js";
import * as messages from "./messages.js";
import * as photos from "./photos.js";
import * as result from "./result.js";
import * as storage from "./storage.js";
import * as viewer from "./viewer.js";
import * as views from "./views.js";
import { SizeField } from "./size.js";
import { announce, showError, showNote, showState, stage } from "./stage.js";

// What Apple's Quick Look takes at most. So many faces are about 3 MB, Khronos' limit for phones.
const MAX_FACES = 100_000;

const byId = (id) => document.getElementById(id);

let sending = null; // the AbortController of the form that is being sent
let key = null; // of the form, as long as nobody knows whether it has arrived
let startedAt = 0; // when the generation on the stage was accepted, in ms since 1970
let failed = null; // the generation whose failure is on the stage
const posters = new Map(); // the URL of each generation's front photo, by id
let isSizeOfResult = false; // the size in the form is that of the model that is shown

const sizeField = new SizeField(byId("size"), { onChange: () => (isSizeOfResult = false) });

// Generating a model

// Sends the form, with its photos or with an upload that the server has kept.
async function generate(upload = null) {
  const form = byId("form");
  if (sending) return;
  if (!form.checkValidity()) {
    if (form.querySelector("#advanced :invalid")) byId("advanced").open = true;
    return form.reportValidity();
  }
  const photo = upload ? null : views.frontPhoto();
  if (!photo && !upload) return showError(new api.ApiError("missing_image"));
  const data = new FormData(form);
  if (upload) useUpload(data, upload);
  const size = sizeField.value;
  if (size) data.set(`${size.side}_cm`, size.cm);
  data.set("max_faces", MAX_FACES);
  const poster = photo && URL.createObjectURL(photo);
  showSending(poster);
  viewer.load().catch(() => {});
  try {
    if (!upload) await preparePhotos(data);
    sending.signal.throwIfAborted();
    key ??= newKey();
    const state = await api.start(data, key, { signal: sending.signal, askKey });
    key = null;
    posters.set(state.generation_id, poster);
    generations.add(state, size);
  } catch (error) {
    // Whether the form has arrived is unknown: the same key makes one model of both.
    if (!["unreachable", "offline"].includes(error.code)) key = null;
    URL.revokeObjectURL(poster);
    if (error.name === "AbortError") showCancelled();
    else showError(error);
    if (!error.code && error.name !== "AbortError") throw error;
  } finally {
    byId("controls").disabled = false;
    sending = null;
  }
}

// randomUUID is missing without HTTPS.
const newKey = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16)).join("-");

function useUpload(data, upload) {
  for (const [field, value] of [...data]) if (value instanceof File) data.delete(field);
  data.set("upload", upload);
}

// Makes the photos of the form small enough to send.
async function preparePhotos(data) {
  let total = 0;
  for (const [field, photo] of views.allPhotos()) {
    const small = await photos.shrink(photo);
    data.set(field, small);
    total += small.size;
  }
  const limit = Number(document.body.dataset.maxUploadMb);
  if (total <= limit * 2 ** 20) return;
  const sentence = `You chose ${messages.formatSize(total)}; ${limit} MB is the limit.`;
  throw new api.ApiError("upload_too_large", sentence);
}

function showSending(poster) {
  sending = new AbortController();
  failed = null;
  generations.watch(null);
  showNote("");
  byId("controls").disabled = true;
  showWork({ created: new Date() }, poster, "Sending the photo", "cancel");
}

// Shows a generation on the stage.
function showWork(state, poster, text, focus) {
  byId("working-on").hidden = !poster;
  if (poster) byId("working-on").src = poster;
  startedAt = Math.min(Date.parse(state.created), Date.now());
  showProgress(state, text);
  showState("work", focus);
}

function showProgress(state, text = messages.describeProgress(state)) {
  messages.showFraction(byId("bar"), state.fraction);
  if (byId("doing").textContent !== text) byId("doing").textContent = announce(text);
  showElapsed();
}

function showElapsed() {
  if (stage.dataset.state !== "work") return;
  byId("elapsed").textContent = messages.formatTime((Date.now() - startedAt) / 1000);
}
setInterval(showElapsed, 500);

function openGeneration(state, focus = "working") {
  generations.watch(state.generation_id);
  showWork(state, posters.get(state.generation_id), undefined, focus);
}

generations.listen({
  onChange(state) {
    if (stage.dataset.state === "work") showProgress(state);
    else openGeneration(state, null);
  },
  async onEnd(state, isWatched) {
    const { generation_id: id, status, result: made, error } = state;
    if (status === "failed" && !isWatched) return;
    if (status === "cancelled") {
      forget(id);
      return isWatched && showCancelled();
    }
    if (status === "failed") {
      forget(id);
      failed = state;
      return showError(api.failure(error));
    }
    const size = generations.forget(id);
    const { model, warnings = [], size_guess_cm: guess } = made;
    storage.setSize(model, size ?? (guess ? { side: "height", cm: guess.height } : null));
    await refreshGallery();
    showNote(warnings.join(" "));
    if (isWatched) {
      result.open(model, posters.get(id) ?? undefined).finally(() => freePoster(id));
    } else {
      freePoster(id);
      announce(`${messages.modelTitle(model)} is ready.`);
    }
  },
  onLost(id, error) {
    const isWatched = generations.watchedId() === id;
    forget(id);
    if (isWatched && error.code === "session_not_found") showError(error);
  },
  onOpen: openGeneration,
  onCancel: ({ generation_id: id }) => cancel(id),
  onRetry(state) {
    forget(state.generation_id);
    generate(state.filename);
  },
  onRemove: ({ generation_id: id }) => forget(id),
});

function forget(id) {
  generations.forget(id);
  freePoster(id);
}

// The browser keeps a photo in memory as long as it has a URL.
function freePoster(id) {
  URL.revokeObjectURL(posters.get(id));
  posters.delete(id);
}

async function cancel(id) {
  const isWatched = generations.watchedId() === id;
  try {
    await api.cancel(id);
  } catch {
    return showNote(announce(messages.CANCEL_FAILED));
  }
  forget(id);
  if (isWatched) showCancelled();
  // It may have ended before.
  await refreshGallery();
}

function showCancelled() {
  showState("empty");
  showNote(announce(messages.CANCELLED));
  byId("models").focus({ preventScroll: true });
}

async function askKey(wasWrong) {
  byId("key").value = "";
  byId("key-hint").textContent = wasWrong ? messages.WRONG_KEY : messages.KEY_HINT;
  return (await dialogs.confirm(byId("unlock"))) ? byId("key").value.trim() : null;
}

// The gallery

function openModel(name) {
  if (sending) return;
  generations.watch(null);
  result.open(name);
}

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
  key = null;
  if (isSizeOfResult) sizeField.set(null);
  if (stage.dataset.state === "problem") showState("empty");
  byId("make").focus({ preventScroll: true });
  // Both take seconds on a phone.
  for (const [, photo] of views.allPhotos()) photos.shrink(photo);
  viewer.warmUp().catch(() => {});
});
byId("form").addEventListener("input", () => (key = null));
byId("cancel").addEventListener("click", () => {
  if (sending) sending.abort();
  else cancel(generations.watchedId());
});
byId("again").addEventListener("click", () =>
  generate(views.frontPhoto() ? null : failed?.filename),
);
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
generations.resume();
