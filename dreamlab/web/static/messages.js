// The texts of the page: progress, and for each error code what the person can do.

// code: [title, advice, buttons (again, other photo or both), whether to show the API's sentence]
const ERRORS = {
  offline: ["You are offline", "Your photo is still here. Try again when the connection is back.", "again"],
  unreachable: ["The workshop does not answer", "It may be restarting, or the connection is down. Your photo is still here.", "again"],
  missing_image: ["A front view is missing", "Add a photo of the piece from the front; the other sides are optional.", "other"],
  unsupported_image: ["That is not a photo we can read", "Choose a JPEG, PNG, WebP, HEIC, AVIF, BMP, TIFF or GIF. If it is one, it may be damaged.", "other"],
  upload_too_large: ["That is too large", "Choose a smaller photo, or fewer views.", "other", true],
  invalid_option: ["One of the options does not work", "Change it, then try again.", "again", true],
  rate_limited: ["Too many tries from your network", "Wait a while, then try again.", "again"],
  quota_exceeded: ["The free allowance is used up", "The generator lends its GPU by the day. Come back later.", "again", true],
  generator_busy: ["Everybody is making furniture", "All places are taken at the moment. Your photo is still here.", "again"],
  generator_unavailable: ["The generator is away", "Your photo is still here.", "again", true],
  generation_timeout: ["That took too long", "The generator did not finish in time. Try again, without texture or with fewer steps.", "again"],
  generation_failed: ["This one did not work out", "Try again, or take a photo with a plain background and the whole piece in it.", "both", true],
  nothing_to_model: ["No piece of furniture stands out", "Take a photo of one piece, whole, from a corner, before a wall of another colour.", "other", true],
  not_available: ["This generator makes no textures", "Switch the texture off, then try again.", "again"],
  storage_full: ["The shelves are full", "The server has no room for another model. Delete some, then try again.", "again"],
  idempotency_conflict: ["The form has changed", "Make the model again.", "again"],
  session_not_found: ["Your session has ended", "It was removed while the model was being made. Try again: you get a new one.", "again"],
  unauthorized: ["A key is needed", "Without it, no model can be made here.", "again"],
};
const INTERNAL_ERROR = ["Something went wrong", "It is our fault, not yours. Try again in a moment.", "again"];

export function explainError(error) {
  const [title, advice, buttons, showDetail] = ERRORS[error.code] ?? INTERNAL_ERROR;
  const seconds = error.retryAfter;
  return {
    title,
    advice: seconds > 1 ? `${advice} It is worth another try in ${formatWait(seconds)}.` : advice,
    canRetry: buttons !== "other",
    canChangePhoto: buttons !== "again",
    detail: showDetail ? error.message : "",
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
