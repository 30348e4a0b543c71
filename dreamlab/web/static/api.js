// The API as this page uses it. Everything that goes wrong is a Problem with the API's own code.

import * as memory from "./memory.js";

export class Problem extends Error {
  constructor(code, words = "", retryAfter = null) {
    super(words);
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

// Beside the page, wherever a proxy has put that.
const url = (path) => new URL(path, document.baseURI).href;

export const modelUrl = (name) => url(`sessions/${memory.session()}/models/${name}`);

async function call(path, options = {}) {
  let answer;
  try {
    answer = await fetch(url(path), options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(navigator.onLine ? "unreachable" : "offline");
  }
  if (answer.ok) return answer;
  const { code = "internal_error", error = "" } = await answer.json().catch(() => ({}));
  throw new Problem(code, error, Number(answer.headers.get("Retry-After")) || null);
}

export const health = async () => (await call("api/health")).json();

// `askKey(wasWrong)` answers an API key, or null.
async function newSession(askKey) {
  for (;;) {
    const key = memory.key();
    const headers = key ? { Authorization: `Bearer ${key}` } : {};
    try {
      const { session_id } = await (await call("api/generate_session_id", { headers })).json();
      memory.setSession(session_id);
      return session_id;
    } catch (problem) {
      if (problem.code !== "unauthorized") throw problem;
      const given = await askKey(Boolean(key));
      memory.setKey(given);
      if (!given) throw problem;
    }
  }
}

// What the stream of server-sent events says, as [event, data].
async function* events(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
      if (event) yield [event, JSON.parse(data)];
    }
  }
}

// Makes a model; `tell(event, data)` hears of its progress. A session that has ended is replaced.
// A Problem with the code connection_lost says that the server has the photo and goes on.
export async function generate(form, { signal, tell, askKey }) {
  let answer;
  const headers = { Accept: "text/event-stream" };
  const send = (id) =>
    call(`api/process_furniture_image/${id}`, { method: "POST", body: form, headers, signal });
  try {
    answer = await send(memory.session() ?? (await newSession(askKey)));
  } catch (problem) {
    if (problem.code !== "session_not_found") throw problem;
    answer = await send(await newSession(askKey));
  }
  const end = {};
  try {
    for await (const [event, data] of events(answer)) {
      if (event === "complete" || event === "error") end[event] = data;
      else tell(event, data);
    }
  } catch {
    // Cut off; what it ended with may have been said before.
  }
  if (end.complete) return end.complete;
  signal.throwIfAborted();
  throw end.error ? new Problem(end.error.code, end.error.error) : new Problem("connection_lost");
}

// The session's models, oldest first; none, and no session, where it has ended.
export async function models() {
  const id = memory.session();
  if (!id) return [];
  try {
    return (await (await call(`api/session_models/${id}`)).json()).models;
  } catch (problem) {
    if (problem.code !== "session_not_found") throw problem;
    memory.setSession(null);
    memory.setWaiting(null);
    return [];
  }
}

async function remove(path) {
  try {
    await call(path, { method: "DELETE" });
  } catch (problem) {
    // Gone already, in another tab or with its session.
    if (!["model_not_found", "session_not_found"].includes(problem.code)) throw problem;
  }
}

export const deleteModel = (name) => remove(`api/sessions/${memory.session()}/models/${name}`);
export const deleteAll = () => remove(`api/delete_all_models/${memory.session()}`);
