// What a person does, and which state the page shows.

import * as api from "./api.js";
import * as gallery from "./gallery.js";
import * as memory from "./memory.js";
import * as viewer from "./viewer.js";
import * as views from "./views.js";
import * as words from "./words.js";

// How often, at most, and for how long the list is asked for a model that left us waiting.
const LOOK_EVERY_S = 15;
const LOOK_FOR_S = 1200;

const byId = (id) => document.getElementById(id);
const stage = byId("stage");
const still = matchMedia("(prefers-reduced-motion: reduce)");

let working = null;
let looking = null;
let shown = null;

const say = (text) => (byId("live").textContent = text);

function note(text) {
  byId("note").textContent = text;
  byId("note").hidden = !text;
}

function enter(state, focus) {
  stage.dataset.state = state;
  for (const part of stage.children) part.hidden = part.className !== state;
  if (state !== "result") {
    viewer.close();
    shown = null;
  }
  if (!focus) return;
  byId(focus).focus({ preventScroll: true });
  stage.scrollIntoView({ behavior: still.matches ? "auto" : "smooth", block: "nearest" });
}

function fail(problem) {
  const { title, advice, again, other, detail } = words.explain(problem);
  byId("trouble").textContent = title;
  byId("advice").textContent = advice;
  byId("detail").textContent = detail;
  byId("again").hidden = !again;
  byId("other").hidden = !other;
  enter("problem", "trouble");
}

// Making a model

async function make() {
  const form = byId("form");
  if (working) return;
  if (!form.checkValidity()) {
    byId("advanced").open = true;
    return form.reportValidity();
  }
  const photo = views.front();
  if (!photo) return fail(new api.Problem("missing_image"));
  const limit = Number(document.body.dataset.maxUploadMb);
  if (views.bytes() > limit * 2 ** 20) {
    const chosen = words.size(views.bytes());
    return fail(new api.Problem("upload_too_large", `You chose ${chosen}; ${limit} MB is the limit.`));
  }
  const poster = URL.createObjectURL(photo);
  const order = new FormData(form);
  const stop = begin(poster);
  viewer.prepare().catch(() => {});
  try {
    const { model, model_url: url, engine, seed } = await api.generate(order, {
      signal: working.signal,
      tell: progress,
      askKey,
    });
    memory.setWaiting(null);
    memory.setModel(model, { url, engine, seed });
    stop();
    await refresh();
    await open(model, poster);
  } catch (problem) {
    stop();
    lose(problem);
  } finally {
    URL.revokeObjectURL(poster);
  }
}

function begin(poster) {
  working = new AbortController();
  looking = null;
  note("");
  byId("controls").disabled = true;
  memory.setWaiting(Date.now());
  byId("working-on").src = poster;
  progress("queued", {}, "Sending the photo");
  enter("work", "cancel");
  const started = Date.now();
  const tick = () => (byId("elapsed").textContent = words.clock((Date.now() - started) / 1000));
  const ticking = setInterval(tick, 500);
  tick();
  return () => {
    clearInterval(ticking);
    byId("controls").disabled = false;
    working = null;
  };
}

function progress(event, data, text = words.describe(event, data)) {
  if (data.fraction > 0) byId("bar").value = data.fraction;
  else byId("bar").removeAttribute("value");
  if (byId("doing").textContent !== text) byId("doing").textContent = say(text);
}

// A generation ended without a model, or goes on without us.
function lose(problem) {
  const stopped = problem.name === "AbortError";
  if (!stopped && problem.code !== "connection_lost") {
    memory.setWaiting(null);
    fail(problem);
    if (!problem.code) throw problem;
    return;
  }
  enter("empty");
  note(say(stopped ? words.STOPPED : words.LOST));
  byId("models").focus();
  look();
}

// Asks for the list now and then until something new is in it.
async function look() {
  const mine = (looking = {});
  for (let pause = 1; ; pause = Math.min(pause * 1.4, LOOK_EVERY_S)) {
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
    if (looking !== mine || Date.now() - memory.waiting() > LOOK_FOR_S * 1000) return;
    const [name] = await refresh();
    if (!name) continue;
    memory.setWaiting(null);
    note("");
    say(`${words.title(name)} is ready.`);
    return;
  }
}

async function askKey(wasWrong) {
  byId("key").value = "";
  byId("key-hint").textContent = wasWrong ? words.WRONG_KEY : words.KEY;
  return (await answerOf(byId("unlock"))) ? byId("key").value.trim() : null;
}

// The result

async function open(name, poster = memory.model(name).thumbnail) {
  if (working) return;
  const { thumbnail, ...facts } = memory.model(name);
  const url = gallery.url(name);
  const title = words.title(name);
  enter("result", "name");
  shown = name;
  byId("name").textContent = title;
  byId("download").href = url;
  byId("download").download = name;
  say(`${title} is ready.`);
  tell(url, facts);
  try {
    const element = await viewer.view(url, title, poster);
    stage.dataset.shown = name;
    if (!thumbnail) {
      memory.setModel(name, { thumbnail: await viewer.thumbnail(element) });
      gallery.repaint(name);
    }
  } catch {
    if (shown === name) viewer.apologize(words.UNSHOWN);
  }
}

async function tell(url, { engine, seed }) {
  const name = shown;
  byId("facts").replaceChildren();
  const measured = await viewer.measure(url).catch(() => ({}));
  if (shown !== name) return;
  const rows = {
    "Made by": engine && words.engine(engine),
    Seed: seed,
    Faces: measured.faces?.toLocaleString("en"),
    Size: measured.bytes && words.size(measured.bytes),
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
  const text = byId("copy").lastElementChild;
  try {
    await navigator.clipboard.writeText(gallery.url(shown));
    text.textContent = say("Link copied");
    setTimeout(() => (text.textContent = "Copy link"), 2500);
  } catch {
    // No clipboard without HTTPS.
    prompt("The link to this model:", gallery.url(shown));
  }
});

// The gallery

async function refresh() {
  try {
    const added = await gallery.refresh(open, remove);
    if (byId("note").textContent === words.UNLISTED) note("");
    return added;
  } catch (problem) {
    if (problem.code !== "offline" && byId("note").hidden) note(words.UNLISTED);
    return [];
  }
}

let asked = null;

// Whether the dialog is answered with yes. Its close event may come after it was opened anew.
function answerOf(dialog) {
  const mine = (asked = {});
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", function closed() {
      if (dialog.open) return;
      dialog.removeEventListener("close", closed);
      resolve(asked === mine && dialog.returnValue === "yes");
    });
  });
}

async function discard(question, names, act) {
  byId("question").textContent = question;
  if (!(await answerOf(byId("ask")))) return;
  try {
    await act();
  } catch {
    return note(words.UNDELETED);
  }
  memory.forget(names);
  if (names.includes(shown)) enter("empty");
  await refresh();
  byId("models").focus({ preventScroll: true });
  say("Deleted.");
}

const remove = (name) =>
  discard(`Delete ${words.title(name)}?`, [name], () => api.deleteModel(name));

byId("clear").addEventListener("click", () =>
  discard("Delete all your models?", gallery.names(), api.deleteAll),
);

// Everything else

for (const choice of document.querySelectorAll("dialog button[type=button]")) {
  choice.addEventListener("click", () => choice.closest("dialog").close(choice.value));
}
byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  make();
});
document.addEventListener("photos", () => {
  if (stage.dataset.state === "problem") enter("empty");
  byId("make").focus({ preventScroll: true });
  viewer.prepare().catch(() => {});
});
byId("cancel").addEventListener("click", () => working?.abort());
byId("again").addEventListener("click", make);
byId("other").addEventListener("click", () => {
  enter("empty");
  views.focus();
});

const connection = () => (byId("offline").hidden = navigator.onLine);
window.addEventListener("offline", connection);
window.addEventListener("online", () => {
  connection();
  refresh();
});
connection();

api.health().then(
  ({ engine }) => (byId("engine").textContent = words.maker(engine)),
  () => {},
);
await refresh();
if (memory.waiting()) {
  note(words.LEFT);
  look();
}
