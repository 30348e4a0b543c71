// Handles what a person does, and shows the state of the page.

import * as api from "./api.js";
import * as gallery from "./gallery.js";
import * as messages from "./messages.js";
import * as storage from "./storage.js";
import * as viewer from "./viewer.js";
import * as views from "./views.js";

// A pending model is polled for, with growing pauses, until it is listed or this time is over.
const MAX_POLL_INTERVAL_S = 15;
const POLL_TIMEOUT_S = 1200;

const byId = (id) => document.getElementById(id);
const stage = byId("stage");
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

let generation = null; // the AbortController of the generation in flight
let currentPoll = null;
let shownModel = null;

const announce = (text) => (byId("live").textContent = text);

function showNote(text) {
  byId("note").textContent = text;
  byId("note").hidden = !text;
}

function showState(state, focus) {
  stage.dataset.state = state;
  for (const part of stage.children) part.hidden = part.className !== state;
  if (state !== "result") {
    viewer.close();
    shownModel = null;
  }
  if (!focus) return;
  byId(focus).focus({ preventScroll: true });
  stage.scrollIntoView({ behavior: reducedMotion.matches ? "auto" : "smooth", block: "nearest" });
}

function showError(error) {
  const { title, advice, canRetry, canChangePhoto, detail } = messages.explainError(error);
  byId("trouble").textContent = title;
  byId("advice").textContent = advice;
  byId("detail").textContent = detail;
  byId("again").hidden = !canRetry;
  byId("other").hidden = !canChangePhoto;
  showState("problem", "trouble");
}

// Generating a model

async function generate() {
  const form = byId("form");
  if (generation) return;
  if (!form.checkValidity()) {
    byId("advanced").open = true;
    return form.reportValidity();
  }
  const photo = views.frontPhoto();
  if (!photo) return showError(new api.ApiError("missing_image"));
  const limit = Number(document.body.dataset.maxUploadMb);
  if (views.totalBytes() > limit * 2 ** 20) {
    const chosen = messages.formatSize(views.totalBytes());
    const detail = `You chose ${chosen}; ${limit} MB is the limit.`;
    return showError(new api.ApiError("upload_too_large", detail));
  }
  const poster = URL.createObjectURL(photo);
  const data = new FormData(form);
  const hideProgress = showProgress(poster);
  viewer.load().catch(() => {});
  try {
    const options = { signal: generation.signal, onProgress: updateProgress, askKey };
    const { model, model_url: url, warnings = [], ...made } = await api.generate(data, options);
    storage.setPendingSince(null);
    storage.setModel(model, { url, engine: made.engine, seed: made.seed });
    hideProgress();
    await refreshGallery();
    showNote(warnings.join(" "));
    await openModel(model, poster);
  } catch (error) {
    hideProgress();
    handleFailure(error);
  } finally {
    URL.revokeObjectURL(poster);
  }
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
  return (await confirmDialog(byId("unlock"))) ? byId("key").value.trim() : null;
}

// The result

async function openModel(name, poster = storage.model(name).thumbnail) {
  if (generation) return;
  const { thumbnail, ...details } = storage.model(name);
  const url = gallery.url(name);
  const title = messages.modelTitle(name);
  showState("result", "name");
  shownModel = name;
  byId("name").textContent = title;
  byId("download").href = url;
  byId("download").download = name;
  announce(`${title} is ready.`);
  showDetails(url, details);
  try {
    const element = await viewer.show(url, title, poster);
    stage.dataset.shown = name;
    if (!thumbnail) {
      storage.setModel(name, { thumbnail: await viewer.createThumbnail(element) });
      gallery.updateThumbnail(name);
    }
  } catch {
    if (shownModel === name) viewer.showMessage(messages.VIEWER_FAILED);
  }
}

async function showDetails(url, { engine, seed }) {
  const name = shownModel;
  byId("facts").replaceChildren();
  const glb = await viewer.readGlb(url).catch(() => ({}));
  if (shownModel !== name) return;
  const rows = {
    "Made by": engine && messages.engineName(engine),
    Seed: seed,
    Faces: glb.faces?.toLocaleString("en"),
    Size: glb.bytes && messages.formatSize(glb.bytes),
  };
  for (const [term, value] of Object.entries(rows)) {
    if (value === undefined || value === null) continue;
    const row = document.createElement("div");
    row.append(document.createElement("dt"), document.createElement("dd"));
    row.firstChild.textContent = term;
    row.lastChild.textContent = value;
    byId("facts").append(row);
  }
}

byId("copy").addEventListener("click", async () => {
  const label = byId("copy").lastElementChild;
  try {
    await navigator.clipboard.writeText(gallery.url(shownModel));
    label.textContent = announce("Link copied");
    setTimeout(() => (label.textContent = "Copy link"), 2500);
  } catch {
    // Browsers have no clipboard without HTTPS.
    prompt("The link to this model:", gallery.url(shownModel));
  }
});

// The gallery

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

let currentDialog = null;

// Resolves to whether the person confirms. A close event may arrive after the dialog is open again.
function confirmDialog(dialog) {
  const thisDialog = (currentDialog = {});
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", function onClose() {
      if (dialog.open) return;
      dialog.removeEventListener("close", onClose);
      resolve(currentDialog === thisDialog && dialog.returnValue === "yes");
    });
  });
}

async function confirmDeletion(question, names, deleteThem) {
  byId("question").textContent = question;
  if (!(await confirmDialog(byId("ask")))) return;
  try {
    await deleteThem();
  } catch {
    return showNote(messages.DELETE_FAILED);
  }
  storage.forgetModels(names);
  if (names.includes(shownModel)) showState("empty");
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

for (const button of document.querySelectorAll("dialog button[type=button]")) {
  button.addEventListener("click", () => button.closest("dialog").close(button.value));
}
byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  generate();
});
document.addEventListener("photos", () => {
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
