// Calls of the API. Every failure is an ApiError with the API's own code, or one of our own.

import * as storage from "./storage.js";

export class ApiError extends Error {
  constructor(code, message = "", retryAfter = null) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

// What a generation says of its failure, as an error.
export const failure = ({ code, error }) => new ApiError(code, error);

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

// Starts a generation and returns its state. One with the same key is not started again. Replaces a
// session that has ended.
export async function start(form, key, { signal, askKey }) {
  const headers = { Prefer: "respond-async", "Idempotency-Key": key };
  const send = async (id) =>
    (
      await call(`api/process_furniture_image/${id}`, { method: "POST", body: form, headers, signal })
    ).json();
  try {
    return await send(storage.session() ?? (await createSession(askKey)));
  } catch (error) {
    if (error.code !== "session_not_found") throw error;
    return send(await createSession(askKey));
  }
}

const generationPath = (id) => `api/sessions/${storage.session()}/generations/${id}`;

export const generation = async (id) => (await call(generationPath(id))).json();
export const cancel = (id) => remove(generationPath(id));

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
    const gone = ["model_not_found", "generation_not_found", "session_not_found"];
    if (!gone.includes(error.code)) throw error;
  }
}

export const deleteModel = (name) => remove(`api/sessions/${storage.session()}/models/${name}`);
export const deleteAllModels = () => remove(`api/delete_all_models/${storage.session()}`);
