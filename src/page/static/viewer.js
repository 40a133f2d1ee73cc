// One photo in full size, with its regions, and what a person says about them.
import { boxOf, drawn, element, judged, measures, percent, photos, pictureOf, pointsOf, rectangle, send, view, visit, wholeOf }
  from "./visit.js";
import { listed } from "./gallery.js";
import { drawBox, fit, fullSize, showSize, stopDrawing, zoom, zoomTo } from "./stage.js";

const viewer = document.getElementById("viewer"), part = name => viewer.querySelector(name);
const svg = part("svg"), hint = part(".hint");
let number = null, chosen = null, order = [], changed = async () => {};
export const whenCorrected = handler => { changed = handler; };

export function open(photoNumber) {
  number = photoNumber;
  chosen = null;
  const photo = photos.get(number), { record } = photo;
  part("h2").textContent = photo.name;
  stopDrawing();
  // Without this, the pictures of the photo before stay until the new ones have come.
  for (const image of viewer.querySelectorAll("img")) image.removeAttribute("src");
  part(".photo").src = pictureOf(number, "preview");
  part(".heat").src = pictureOf(number, "heat");
  part(".heat").style.opacity = visit.opacity;
  // The picture in full size lies over the small one, and shows when it has come.
  const full = part(".full");
  full.hidden = true;
  full.onload = () => { full.hidden = false; };
  full.src = pictureOf(number, "full");
  svg.setAttribute("viewBox", `0 0 ${record.width} ${record.height}`);
  if (!viewer.open) {
    // A correction may move a photo in the gallery, but not while one goes from photo to photo.
    order = listed().filter(one => one.record).map(one => one.number);
    viewer.showModal();
    part(".stage").focus();
  }
  // A button of the regions would be one of another photo now. "Next" keeps the focus.
  if (part("aside").contains(document.activeElement)) part(".stage").focus();
  showSize(record.width, record.height);
  show();
}

export function show() {
  const photo = photos.get(number);
  if (!viewer.open || !photo?.record) return;
  const { record } = photo, found = judged(photo);
  const buttons = () => [...viewer.querySelectorAll("aside button")], pressed = buttons().indexOf(document.activeElement);
  const judgement = part(".judgement");
  judgement.classList.toggle("cracked", found.cracked);
  judgement.textContent = `${found.cracked ? "Cracked" : "No crack"} · probability ${percent(record.probability)}`;
  part(".facts").textContent = [
    photo.corrections.length && "corrected by hand; the probability is the model's",
    `${record.width} × ${record.height} pixels`, record.taken_at?.replace("T", " "), record.camera,
    record.latitude != null && `${record.latitude.toFixed(5)}, ${record.longitude.toFixed(5)}`,
    record.mm_per_pixel && `${Number(record.mm_per_pixel.toPrecision(3))} mm per pixel (${record.mm_per_pixel_from})`,
  ].filter(Boolean).join(" · ");
  part(".marks").replaceChildren(...photoMarks(photo, found));
  part(".regions").replaceChildren(
    ...found.regions.map((region, place) => listItem(photo, found, region, place)),
    ...found.missed.map(one => missedItem(one)));
  part("h3").textContent = found.regions.length + found.missed.length ? "Regions, the worst first" : "No regions";
  svg.replaceChildren(...found.regions.flatMap((region, place) => drawnRegion(found, region, place, record.height)),
    ...found.missed.map(one => drawn("polygon", { points: rectangle(boxOf(one)),
      class: same(chosen, boxOf(one)) ? "missed chosen" : "missed" })));
  // The button that was pressed is a new one now. Without a focus, no key would do anything.
  buttons()[pressed]?.focus();
  if (!viewer.contains(document.activeElement)) part(".stage").focus();
}

const same = (a, b) => a && String(a) === String(b);
const struck = (found, region) => found.whole?.cracked === false || found.markOf(region)?.cracked === false;

function drawnRegion(found, region, place, height) {
  const [left, top] = region.outline.reduce((a, b) => b[1] < a[1] ? b : a), kind = struck(found, region) ? "struck" : same(chosen, region.box) ? "chosen" : "";
  // The number stands at the top of the outline, or inside it where the photo ends.
  const label = drawn("text", { x: left, y: top, dx: ".2em", dy: top > 0.05 * height ? "-.3em" : "1em" });
  label.textContent = region.id ?? place + 1;
  return [drawn("polygon", { points: pointsOf(region.outline), class: kind }),
    ...(region.centre_line ?? []).map(line => drawn("polyline", { points: pointsOf(line), class: kind })), label];
}

function toggle(text, label, mark, box, cracked) {
  const pressed = mark?.label === label;
  return element("button", { type: "button", "aria-pressed": pressed,
    onclick: () => say(box, pressed ? null : label, cracked) }, text);
}

function photoMarks(photo, found) {
  const box = wholeOf(photo.record), draw = element("button", { type: "button", onclick: drawMissed }, "Mark a missed crack");
  // What is marked already keeps its button, and else the buttons say what is shown.
  if (found.whole ? found.whole.label === "right" && !found.whole.cracked : !found.cracked && !found.regions.length)
    return [toggle("Right, no crack", "right", found.whole, box, false), draw];
  return [toggle("Right, cracked", "right", found.whole, box, true),
    toggle("No crack on this photo", "no crack", found.whole, box, false), draw];
}

function listItem(photo, found, region, place) {
  const mark = found.markOf(region), told = [percent(region.share) + " of the photo", measures(region)];
  const name = `${region.id ?? place + 1} · ${percent(region.probability)}${region.severity ? ` · ${region.severity}` : ""}`;
  return element("li", { class: struck(found, region) ? "struck" : "" },
    element("button", { type: "button", class: "go", onclick: () => go(region.box) },
      element("b", {}, name), element("span", {}, told.filter(Boolean).join(" · "))),
    toggle("Right", "right", mark, region.box, true), toggle("No crack", "no crack", mark, region.box, false));
}

function missedItem(one) {
  const who = one.by ? `, marked by ${one.by}` : ", marked by hand";
  return element("li", {},
    element("button", { type: "button", class: "go by-hand", onclick: () => go(boxOf(one)) },
      element("b", {}, "Missed crack"), element("span", {}, `${one.width} × ${one.height} pixels${who}`)),
    element("button", { type: "button", onclick: () => say(boxOf(one), null, true) }, "Take back"));
}

function go(box) {
  chosen = box;
  zoomTo(box);
  show();
}

function drawMissed() {
  hint.hidden = false;
  const preview = drawn("polygon", { class: "missed" });
  svg.append(preview);
  document.body.classList.remove("no-outlines");
  const drawing = box => {
    preview.setAttribute("points", rectangle(box));
    // An answer may have drawn everything anew.
    if (!preview.isConnected) svg.append(preview);
  };
  drawBox(drawing, box => {
    hint.hidden = true;
    preview.remove();
    document.body.classList.toggle("no-outlines", !view.outlines);
    if (box) say(box, "crack missed", true);
  });
}

async function say(box, label, cracked) {
  await changed(send("POST", "/api/corrections", { number, box, label, cracked }));
}

function step(by) {
  const there = order.filter(one => one === number || photos.get(one)?.record);
  const next = there[(there.indexOf(number) + by + there.length) % there.length];
  if (next !== undefined) open(next);
}

part("#close").addEventListener("click", () => viewer.close());
part("#previous").addEventListener("click", () => step(-1));
part("#next").addEventListener("click", () => step(1));
viewer.addEventListener("cancel", event => {
  // Escape first ends drawing.
  if (hint.hidden) return;
  event.preventDefault();
  stopDrawing();
});
viewer.addEventListener("close", () => {
  stopDrawing();
  for (const image of viewer.querySelectorAll("img")) image.removeAttribute("src");
  (document.querySelector(`[data-number="${number}"]`) ?? document.querySelector(".card.done") ?? document.getElementById("filter")).focus();
  number = null;
});
viewer.addEventListener("keydown", event => {
  if (event.target.matches("input")) return;
  if (event.key === "PageDown") step(1);
  else if (event.key === "PageUp") step(-1);
});
const zooms = { in: () => zoom(1.5), out: () => zoom(1 / 1.5), fit, full: fullSize };
for (const button of viewer.querySelectorAll("[data-zoom]"))
  button.addEventListener("click", () => zooms[button.dataset.zoom]());
