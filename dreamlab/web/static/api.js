// Calls of the API. Every failure is an ApiError with the API's own code, or one of our own.

import * as storage from "./storage.js";

export class ApiError extends Error {
  constructor(code, message = "", retryAfter = null) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

// Relative to the page: a proxy may serve it below a path.
const url = (path) => new URL(path, document.baseURI).href;

// The URL of a model in one of its forms.
export function modelUrl(name, form = "glb", query = "") {
  const path = `sessions/${storage.session()}/models/${name.replace(/glb$/, form)}`;
  return url(query ? `${path}?${query}` : path);
}

async function call(path, options = {}) {
  let response;
  try {
    response = await fetch(url(path), options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(navigator.onLine ? "unreachable" : "offline");
  }
  if (response.ok) return response;
  const { code = "internal_error", error = "" } = await response.json().catch(() => ({}));
  throw new ApiError(code, error, Number(response.headers.get("Retry-After")) || null);
}

export const health = async () => (await call("api/health")).json();

// `askKey(wasWrong)` returns an API key, or null.
async function createSession(askKey) {
  for (;;) {
    const key = storage.key();
    const headers = key ? { Authorization: `Bearer ${key}` } : {};
    try {
      const { session_id } = await (await call("api/generate_session_id", { headers })).json();
      storage.setSession(session_id);
      return session_id;
    } catch (error) {
      if (error.code !== "unauthorized") throw error;
      const newKey = await askKey(Boolean(key));
      storage.setKey(newKey);
      if (!newKey) throw error;
    }
  }
}

// The server-sent events of a response, as [name, data].
async function* readEvents(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const [, name, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
      if (name) yield [name, JSON.parse(data)];
    }
  }
}

// Generates a model and calls `onProgress(name, data)` for each progress event. Replaces a session
// that has ended. The code connection_lost means that the server has the photo and continues.
export async function generate(form, { signal, onProgress, askKey }) {
  let response;
  const headers = { Accept: "text/event-stream" };
  const send = (id) =>
    call(`api/process_furniture_image/${id}`, { method: "POST", body: form, headers, signal });
  try {
    response = await send(storage.session() ?? (await createSession(askKey)));
  } catch (error) {
    if (error.code !== "session_not_found") throw error;
    response = await send(await createSession(askKey));
  }
  const result = {};
  try {
    for await (const [name, data] of readEvents(response)) {
      if (name === "complete" || name === "error") result[name] = data;
      else onProgress(name, data);
    }
  } catch {
    // The connection broke. The last event may have arrived before.
  }
  if (result.complete) return result.complete;
  signal.throwIfAborted();
  if (result.error) throw new ApiError(result.error.code, result.error.error);
  throw new ApiError("connection_lost");
}

// The records of the session's models, oldest first; none without a session. Forgets a session that
// has ended.
export async function models() {
  const id = storage.session();
  if (!id) return [];
  try {
    return (await (await call(`api/sessions/${id}/models`)).json()).models;
  } catch (error) {
    if (error.code !== "session_not_found") throw error;
    storage.setSession(null);
    storage.setPendingSince(null);
    return [];
  }
}

export const report = async (name, query) =>
  (await call(`api/sessions/${storage.session()}/models/${name}/report?${query}`)).json();

async function remove(path) {
  try {
    await call(path, { method: "DELETE" });
  } catch (error) {
    // Another tab has deleted it, or the session has ended.
    if (!["model_not_found", "session_not_found"].includes(error.code)) throw error;
  }
}

export const deleteModel = (name) => remove(`api/sessions/${storage.session()}/models/${name}`);
export const deleteAllModels = () => remove(`api/delete_all_models/${storage.session()}`);
