// The texts of the page: progress, and what it adds to the API's sentence about an error.

// code: [title, buttons (again, other photo or both), what can be done on this page]
const ERRORS = {
  offline: ["You are offline", "again", "Your photo is still here. Try again when the connection is back."],
  unreachable: ["The workshop does not answer", "again", "It may be restarting, or the connection is down. Your photo is still here."],
  missing_image: ["A front view is missing", "other", "Add a photo of the piece from the front; the other sides are optional."],
  unsupported_image: ["That is not a photo we can read", "other"],
  upload_too_large: ["That is too large", "other"],
  invalid_option: ["One of the options does not work", "again"],
  rate_limited: ["Too many tries from your network", "again"],
  quota_exceeded: ["The free allowance is used up", "again"],
  generator_busy: ["Everybody is making furniture", "again"],
  generator_unavailable: ["The generator is away", "again"],
  generation_timeout: ["That took too long", "again", "Try it without texture, or with fewer steps."],
  generation_failed: ["This one did not work out", "both", "Take a photo with a plain background and the whole piece in it."],
  nothing_to_model: ["No piece of furniture stands out", "other", "Take a photo of one piece, whole, from a corner, before a wall of another colour."],
  not_available: ["This generator makes no textures", "again", "Switch the texture off."],
  storage_full: ["The shelves are full", "again", "Delete some of your models."],
  idempotency_conflict: ["The form has changed", "again"],
  session_not_found: ["Your session has ended", "again", "You get a new one."],
  unauthorized: ["A key is needed", "again"],
};
const OTHER_ERROR = ["Something went wrong", "again", "It is not your fault. Try again in a moment."];

export function explainError(error) {
  const [title, buttons, advice = ""] = ERRORS[error.code] ?? OTHER_ERROR;
  const seconds = error.retryAfter;
  return {
    title,
    sentence: error.message,
    advice: seconds > 1 ? `${advice} It is worth another try in ${formatWait(seconds)}.` : advice,
    canRetry: buttons !== "other",
    canChangePhoto: buttons !== "again",
  };
}

function formatWait(seconds) {
  if (seconds < 120) return `${seconds} seconds`;
  return seconds < 7200 ? `${Math.ceil(seconds / 60)} minutes` : `${Math.ceil(seconds / 3600)} hours`;
}

export const CANCELLED = "Cancelled. Nothing was made.";
export const CANCEL_FAILED = "That could not be cancelled just now. Try again in a moment.";
export const LIST_FAILED = "Your models cannot be listed just now. They are safe; reload the page in a while.";
export const DELETE_FAILED = "That could not be deleted just now. Try again in a moment.";
export const VIEWER_FAILED = "The 3D viewer could not show this model. The file itself is fine: download it.";
export const KEY_HINT = "Whoever runs this server has it. It is forgotten when you close this tab.";
export const WRONG_KEY = "That key was not right. Please check it and try again.";

const STAGES = {
  "remove background": "Cutting the piece out of the photo",
  shape: "Shaping it",
  texture: "Painting it",
};

export function describeProgress({ status, position, eta_s: eta, stage }) {
  if (status === "running") return STAGES[stage] ?? stage ?? "Working on it";
  const ahead = position - 1;
  const text = ahead > 0 ? `In the queue, ${ahead} ahead of you` : "Next in the queue";
  return eta ? `${text}, about ${Math.ceil(eta)} s` : text;
}

// Shows on a progress bar how much is done, 0 to 1; null is unknown.
export function showFraction(bar, fraction) {
  if (fraction > 0) bar.value = fraction;
  else bar.removeAttribute("value");
}

export const formatTime = (seconds) =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

export const formatSize = (bytes) =>
  bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

export const engineName = (name) => (name === "local" ? "local stand-in" : name);

export const describeEngine = (name) =>
  `Models are made by ${name === "local" ? "a plain stand-in for Hunyuan3D" : name}.`;

export const modelTitle = (file) => file.replace(/\.glb$/, "").replace(/[_-]+/g, " ");
