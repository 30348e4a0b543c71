// Makes photos smaller before they are sent. The generator gets no more pixels than these.

const MAX_SIDE_PX = 2048;
const QUALITY = 0.9;

const smaller = new WeakMap(); // the promise of each photo's smaller one
let last = Promise.resolve(); // one after the other: a decoded photo takes 50 MB

// The photo with at most that many pixels along a side, or the file itself: where it is smaller,
// or where this browser cannot decode it, as most cannot decode HEIC.
export function shrink(file) {
  if (!smaller.has(file)) smaller.set(file, (last = last.then(() => makeSmaller(file))));
  return smaller.get(file);
}

async function makeSmaller(file) {
  let picture;
  try {
    picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return file;
  }
  const scale = MAX_SIDE_PX / Math.max(picture.width, picture.height);
  const small = scale < 1 ? await draw(picture, scale, canHaveHoles(file)) : null;
  picture.close();
  if (!small || small.size >= file.size) return file;
  const ending = small.type.replace(/^image\/(jpeg|webp|png)$/, "$1").replace("jpeg", "jpg");
  const name = `${file.name.replace(/\.[^.]*$/, "")}.${ending}`;
  return new File([small], name, { type: small.type });
}

const canHaveHoles = ({ type }) => type !== "image/jpeg";

async function draw(picture, scale, mayBeTransparent) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const context = canvas.getContext("2d", { willReadFrequently: mayBeTransparent });
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  // A browser that cannot write WebP writes PNG, which is transparent too.
  const type = mayBeTransparent && isTransparent(canvas, context) ? "image/webp" : "image/jpeg";
  return new Promise((resolve) => canvas.toBlob(resolve, type, QUALITY));
}

function isTransparent({ width, height }, context) {
  const { data } = context.getImageData(0, 0, width, height);
  for (let i = 3; i < data.length; i += 4) if (data[i] < 255) return true;
  return false;
}
