// A photo that is moved and zoomed: by mouse, touch, pen or keyboard.
const MOST = 16; // pixels of the screen for one of the photo
const stage = document.querySelector(".stage"), layer = stage.querySelector(".layer");
const place = { x: 0, y: 0, scale: 1, width: 1, height: 1 };
const pointers = new Map();
let drawing = null;

export function showSize(width, height) {
  Object.assign(place, { width, height });
  fit();
}

const scaleFor = (width, height) => Math.min(stage.clientWidth / width, stage.clientHeight / height);

export function fit() {
  centre(scaleFor(place.width, place.height), place.width / 2, place.height / 2);
}

// Shows a box in the middle with a margin, but the photo never smaller than as a whole.
export function zoomTo([left, top, right, bottom]) {
  const close = Math.min(2, scaleFor(1.6 * (right - left), 1.6 * (bottom - top)));
  if (close <= scaleFor(place.width, place.height)) fit();
  else centre(close, (left + right) / 2, (top + bottom) / 2);
}

function centre(scale, x, y) {
  Object.assign(place, { scale, x: stage.clientWidth / 2 - scale * x, y: stage.clientHeight / 2 - scale * y });
  settle();
}

export function zoom(factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) {
  const least = Math.min(stage.clientWidth / place.width, stage.clientHeight / place.height, 1) / 2;
  const scale = Math.min(MOST, Math.max(least, place.scale * factor)), change = scale / place.scale;
  place.x = x - (x - place.x) * change;
  place.y = y - (y - place.y) * change;
  place.scale = scale;
  settle();
}

export const fullSize = () => zoom(1 / devicePixelRatio / place.scale);

function settle() {
  // A part of the photo always stays in sight.
  const margin = 40, wide = place.width * place.scale, high = place.height * place.scale;
  place.x = Math.min(stage.clientWidth - margin, Math.max(margin - wide, place.x));
  place.y = Math.min(stage.clientHeight - margin, Math.max(margin - high, place.y));
  // The layer's size changes instead of a scale in its transformation: lines keep their width.
  layer.style.width = `${wide}px`;
  layer.style.height = `${high}px`;
  layer.style.transform = `translate(${place.x}px, ${place.y}px)`;
  layer.querySelector("svg").style.fontSize = `${15 / place.scale}px`;
}

// The next drag draws a box; `done` gets it in pixels of the photo, or null.
export function drawBox(shown, done) {
  drawing = { shown, done, from: null };
  stage.classList.add("drawing");
}

export function stopDrawing() {
  if (!drawing) return;
  const { done } = drawing;
  drawing = null;
  stage.classList.remove("drawing");
  done(null);
}

const inside = event => {
  const edge = stage.getBoundingClientRect();
  return [event.clientX - edge.left, event.clientY - edge.top];
};
const onPhoto = ([x, y]) => [[(x - place.x) / place.scale, place.width], [(y - place.y) / place.scale, place.height]]
  .map(([at, most]) => Math.round(Math.min(most, Math.max(0, at))));
const boxOf = ([a, b], [c, d]) => [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];

stage.addEventListener("pointerdown", event => {
  stage.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, inside(event));
  if (drawing && pointers.size === 1) drawing.from = onPhoto(inside(event));
});
stage.addEventListener("pointermove", event => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const now = inside(event);
  if (drawing?.from) {
    drawing.shown(boxOf(drawing.from, onPhoto(now)));
  } else if (pointers.size === 1) {
    place.x += now[0] - before[0];
    place.y += now[1] - before[1];
    settle();
  } else {
    const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
    const far = ([x, y]) => Math.max(1, Math.hypot(x - other[0], y - other[1]));
    zoom(far(now) / far(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  }
  pointers.set(event.pointerId, now);
});
function lifted(event) {
  const at = pointers.get(event.pointerId);
  pointers.delete(event.pointerId);
  if (!at || !drawing?.from) return;
  const { from, done } = drawing, box = boxOf(from, onPhoto(at));
  drawing = null;
  stage.classList.remove("drawing");
  done(event.type === "pointerup" && box[2] - box[0] > 3 && box[3] - box[1] > 3 ? box : null);
}
stage.addEventListener("pointerup", lifted);
stage.addEventListener("pointercancel", lifted);
stage.addEventListener("wheel", event => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / (event.ctrlKey ? 100 : 400)), ...inside(event));
}, { passive: false });
stage.addEventListener("dblclick", event => zoom(2.5, ...inside(event)));
stage.addEventListener("keydown", event => {
  const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
  if (step) {
    place.x += step[0];
    place.y += step[1];
    settle();
  } else if (event.key === "+" || event.key === "=") zoom(1.4);
  else if (event.key === "-") zoom(1 / 1.4);
  else if (event.key === "0") fit();
  else return;
  event.preventDefault();
  event.stopPropagation();
});
new ResizeObserver(() => stage.clientWidth && fit()).observe(stage);
