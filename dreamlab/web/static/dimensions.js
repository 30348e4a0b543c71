// The dimensions of the model in the viewer: a line with a number along each side of its box.

import { format } from "./size.js";

const SVG = "http://www.w3.org/2000/svg";
const SIDES = ["width", "height", "depth"];
// How far the numbers are from their lines, and from the sides of the picture, in px.
const LABEL_DISTANCE = 18;
const LABEL_MARGIN = { x: 38, y: 12 };

const hotspotName = (x, y, z) => `hotspot-${x}${y}${z}`;

// Draws the lines as long as the viewer is shown. The drawing follows the camera.
export function attach(viewer) {
  if (!(viewer.getDimensions().y >= 0)) return; // there is nothing in it
  const svg = document.createElementNS(SVG, "svg");
  svg.classList.add("dimensions");
  svg.setAttribute("aria-hidden", "true");
  const parts = SIDES.map((side) => {
    const [line, text] = ["line", "text"].map((tag) => document.createElementNS(SVG, tag));
    text.dataset.side = side;
    svg.append(line, text);
    return { line, text };
  });
  viewer.append(svg);
  addCorners(viewer);
  let drawn = "";
  const draw = () => {
    if (!viewer.isConnected) return;
    const lines = findLines(viewer);
    // The model stands still most of the time.
    if (JSON.stringify(lines) !== drawn) drawLines(viewer, parts, lines);
    drawn = JSON.stringify(lines);
    requestAnimationFrame(draw);
  };
  draw();
}

// Moves the corners to where the box of the model is now.
export function update(viewer) {
  for (const corner of viewer.querySelectorAll(".corner")) {
    viewer.updateHotspot({ name: corner.slot, position: cornerPosition(viewer, corner.dataset.at) });
  }
}

function addCorners(viewer) {
  for (const at of ["000", "001", "010", "011", "100", "101", "110", "111"]) {
    const corner = document.createElement("span");
    corner.className = "corner";
    corner.slot = hotspotName(...at);
    corner.dataset.at = at;
    corner.dataset.position = cornerPosition(viewer, at);
    viewer.append(corner);
  }
}

function cornerPosition(viewer, at) {
  const size = viewer.getDimensions();
  const center = viewer.getBoundingBoxCenter();
  return ["x", "y", "z"]
    .map((axis, i) => `${center[axis] + (Number(at[i]) - 0.5) * size[axis]}m`)
    .join(" ");
}

// For each side the ends of its line in the picture, and its number. The lines are on the edges of
// the box that are before or beside the model.
function findLines(viewer) {
  const angle = viewer.getCameraOrbit().theta - viewer.turntableRotation;
  const right = Number(Math.sin(angle) > 0);
  const front = Number(Math.cos(angle) > 0);
  const edges = [
    [[0, 0, front], [1, 0, front]],
    [[right, 0, 1 - front], [right, 1, 1 - front]],
    [[right, 0, 0], [right, 0, 1]],
  ];
  const size = viewer.getDimensions();
  return edges.map((ends, i) => ({
    ends: ends.map((at) => viewer.queryHotspot(hotspotName(...at))?.canvasPosition),
    number: format(100 * size["xyz"[i]]),
  }));
}

function drawLines(viewer, parts, lines) {
  const middle = { x: viewer.clientWidth / 2, y: viewer.clientHeight / 2 };
  lines.forEach(({ ends: [from, to], number }, i) => {
    if (!from || !to) return;
    const { line, text } = parts[i];
    setAttributes(line, { x1: from.x, y1: from.y, x2: to.x, y2: to.y });
    setAttributes(text, besideLine(from, to, middle));
    text.textContent = number;
    // A side that is seen from its end has no room for its number.
    text.style.opacity = Number(Math.hypot(to.x - from.x, to.y - from.y) > LABEL_DISTANCE);
  });
}

// The point beside the middle of a line, on its side away from the middle of the picture.
function besideLine(from, to, middle) {
  const center = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const across = { x: (to.y - from.y) / length, y: (from.x - to.x) / length };
  const isInward = across.x * (center.x - middle.x) + across.y * (center.y - middle.y) < 0;
  const distance = (isInward ? -1 : 1) * LABEL_DISTANCE;
  // A number is wider than it is high.
  const label = { x: center.x + 1.6 * distance * across.x, y: center.y + distance * across.y };
  for (const [axis, margin] of Object.entries(LABEL_MARGIN)) {
    label[axis] = Math.max(margin, Math.min(label[axis], 2 * middle[axis] - margin));
  }
  return label;
}

function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}
