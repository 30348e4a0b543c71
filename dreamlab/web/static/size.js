// Fields for the real size of a piece: one side of it, a number and a unit. Inside, all is in cm.

import * as storage from "./storage.js";

const CM_PER_UNIT = { cm: 1, in: 2.54 };
// The limits of the API.
const MIN_CM = 1;
const MAX_CM = 10000;

const fields = [];
let unit = storage.unit() in CM_PER_UNIT ? storage.unit() : "cm";

const inUnit = (cm) => Number((cm / CM_PER_UNIT[unit]).toFixed(1));

export const format = (cm) => `${inUnit(cm)} ${unit}`;

export const formatAll = ({ width, height, depth }) =>
  `${inUnit(width)} × ${inUnit(depth)} × ${inUnit(height)} ${unit}`;

// The query of a model's URL that gives it this size, or of a form.
export const query = (size) => (size ? `${size.side}_cm=${size.cm}` : "");

export class SizeField {
  // `onChange` is called with {side, cm}, or null where the field is empty. `onUnit`: another unit.
  constructor(root, { onChange = () => {}, onUnit = () => {} } = {}) {
    [this.side, this.number, this.unit] = root.elements;
    this.onUnit = onUnit;
    this.cm = null;
    this.measures = null;
    this.number.addEventListener("change", () => {
      if (this.read()) onChange(this.value);
    });
    this.side.addEventListener("change", () => {
      this.cm = this.measures?.[this.side.value] ?? this.cm;
      this.render();
    });
    this.unit.addEventListener("change", () => setUnit(this.unit.value));
    fields.push(this);
    this.render();
  }

  get value() {
    return this.cm ? { side: this.side.value, cm: this.cm } : null;
  }

  // Takes the number that a person gave. Returns whether it is a size.
  read() {
    if (!this.number.reportValidity()) return false;
    const text = this.number.value;
    // The same number is the same size: what is shown is rounded.
    if (text !== this.shown) this.cm = text && Math.round(text * CM_PER_UNIT[unit] * 100) / 100;
    this.shown = text;
    return true;
  }

  // Shows a size, and keeps what the other sides measure.
  set(size, measures = null) {
    if (size) this.side.value = size.side;
    this.cm = size?.cm ?? null;
    this.measures = measures;
    this.render();
  }

  render() {
    this.number.min = Math.ceil((MIN_CM / CM_PER_UNIT[unit]) * 10) / 10;
    this.number.max = Math.floor(MAX_CM / CM_PER_UNIT[unit]);
    this.number.value = this.cm ? inUnit(this.cm) : "";
    this.shown = this.number.value;
    this.unit.value = unit;
  }
}

function setUnit(chosen) {
  for (const field of fields) if (field.number.checkValidity()) field.read();
  unit = chosen;
  storage.setUnit(unit);
  for (const field of fields) {
    field.render();
    field.onUnit();
  }
}
