// What the page stores in the browser. Storage may be full or disabled; the page works without it.

const MAX_SIZES = 200;

function read(name, area = "localStorage") {
  try {
    return JSON.parse(window[area].getItem(`dreamlab.${name}`));
  } catch {
    return null;
  }
}

function write(name, value, area = "localStorage") {
  try {
    window[area].setItem(`dreamlab.${name}`, JSON.stringify(value));
  } catch {
    // Then it is forgotten.
  }
}

export const session = () => read("session");

export function setSession(id) {
  write("sizes", null);
  write("generations", null);
  write("session", id);
}

// The API key is stored until the tab is closed.
export const key = () => read("key", "sessionStorage");
export const setKey = (key) => write("key", key, "sessionStorage");

// The generations whose end the person has not seen, oldest first: their id, and the size that was
// asked for, {side, cm}.
export const waiting = () => read("generations") ?? [];
export const setWaiting = (generations) => write("generations", generations);

// The unit of sizes: cm or in.
export const unit = () => read("unit");
export const setUnit = (unit) => write("unit", unit);

// The size in which a model is shown, {side, cm}. What else is known of it is in its record.
export const size = (name) => read("sizes")?.[name] ?? null;

export function setSize(name, size) {
  const { [name]: _, ...others } = read("sizes") ?? {};
  const entries = Object.entries(size ? { ...others, [name]: size } : others);
  write("sizes", Object.fromEntries(entries.slice(-MAX_SIZES)));
}
