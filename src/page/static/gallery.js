// The cards of all photos.
import { ask, drawn, element, judged, percent, photos, pictureOf, pointsOf, rectangle, share, view, widest, boxOf } from "./visit.js";

const gallery = document.getElementById("gallery"), cards = new Map();
let open = () => {};
let removed = () => {};
export const whenOpened = handler => { open = handler; };
export const whenRemoved = handler => { removed = handler; };

// The photos that the choice leaves, in its order.
export function listed() {
  const name = view.search.trim().toLowerCase();
  return [...photos.values()]
    .filter(photo => photo.name.toLowerCase().includes(name) && fits(photo))
    .sort(orders[view.sort]);
}

function fits(photo) {
  if (view.filter === "all") return true;
  if (view.filter === "failed") return photo.state === "failed";
  if (!photo.record) return false;
  if (view.filter === "corrected") return photo.corrections.length > 0;
  if (view.filter === "uncertain") return photo.record.probability > 0.2 && photo.record.probability < 0.8;
  return judged(photo).cracked === (view.filter === "cracked");
}

const byName = (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true });
const orders = {
  worst: (a, b) => rank(a) - rank(b) || (a.record ? worse(a, b) : 0) || byName(a, b),
  name: byName,
  added: (a, b) => a.number - b.number,
  taken: (a, b) => (a.record?.taken_at ?? "~").localeCompare(b.record?.taken_at ?? "~") || byName(a, b),
};
const rank = photo => photo.record ? (judged(photo).cracked ? 0 : 1) : photo.state === "failed" ? 3 : 2;
const worse = (a, b) => widest(b) - widest(a)
  || Math.round(100 * b.record.probability) - Math.round(100 * a.record.probability)
  || share(b) - share(a);

// Makes the cards of changed photos anew; without numbers, those of all photos.
export function show(numbers = [...photos.keys()]) {
  for (const number of numbers) {
    const photo = photos.get(number), old = cards.get(number);
    if (!photo) {
      old?.remove();
      cards.delete(number);
    } else if (photo.record && old?.classList.contains("done")) update(old, photo);
    else {
      const made = card(photo);
      old?.replaceWith(made);
      cards.set(number, made);
    }
  }
  arrange();
}

export function arrange() {
  const shown = listed().map(photo => cards.get(photo.number));
  const keep = new Set(shown);
  for (const one of [...gallery.children]) if (!keep.has(one)) one.remove();
  shown.forEach((one, place) => {
    if (gallery.children[place] !== one) gallery.insertBefore(one, gallery.children[place] ?? null);
  });
  document.getElementById("nothing").hidden = shown.length > 0 || photos.size === 0;
}

function card(photo) {
  const name = element("span", { class: "name", title: photo.name }, element("bdi", {}, photo.name));
  if (!photo.record) {
    const failed = photo.state === "failed";
    const told = failed ? photo.reason : photo.state === "working" ? "is being inspected" : "waits";
    return element("div", { class: `card ${photo.state}` },
      element("span", { class: "frame" }, failed ? "no picture" : ""),
      element("span", { class: "text" }, name,
        element("span", { class: "verdict" }, failed ? "Could not be read" : ""),
        element("span", { class: "facts" }, told)),
      failed && element("button", { class: "remove", onclick: () => remove(photo) }, "Remove"));
  }
  const made = element("button", { class: "card done", type: "button", "data-number": photo.number, onclick: () => open(photo.number) },
    element("span", { class: "frame" }, picture(photo)),
    element("span", { class: "text" }, name, element("span", { class: "judged" })));
  update(made, photo);
  return made;
}

function picture({ number, record }) {
  const made = element("span", { class: `picture ${record.width * 3 >= record.height * 4 ? "wide" : "high"}` },
    element("img", { src: pictureOf(number, "preview"), alt: "", loading: "lazy", decoding: "async" }),
    element("img", { src: pictureOf(number, "heat"), alt: "", loading: "lazy", class: "heat" }));
  made.style.aspectRatio = `${record.width} / ${record.height}`;
  made.append(drawn("svg", { viewBox: `0 0 ${record.width} ${record.height}`, preserveAspectRatio: "none" }));
  return made;
}

function update(made, photo) {
  const { cracked, kept, missed } = judged(photo), { record } = photo;
  made.classList.toggle("cracked", cracked);
  made.setAttribute("aria-label", `${photo.name}: ${cracked ? "cracked" : "no crack"}; open large`);
  made.querySelector("svg").replaceChildren(
    ...kept.map(region => drawn("polygon", { points: pointsOf(region.outline) })),
    ...missed.map(one => drawn("polygon", { points: rectangle(boxOf(one)), class: "missed" })));
  const meter = element("span", { class: "meter" }, element("i"));
  meter.firstChild.style.width = `${100 * record.probability}%`;
  const count = kept.length + missed.length, width = widest(photo);
  const facts = [count && `${count} region${count > 1 ? "s" : ""}`, width && `up to ${+width.toPrecision(2)} mm wide`,
    kept.find(region => region.severity)?.severity].filter(Boolean).join(" · ");
  made.querySelector(".judged").replaceChildren(
    element("span", { class: "verdict" }, cracked ? "Cracked" : "No crack"),
    ` · probability ${percent(record.probability)}`, meter, element("span", { class: "facts" }, facts));
  made.querySelector(".badge")?.remove();
  if (photo.corrections.length) made.append(element("span", { class: "badge" }, "corrected"));
}

async function remove(photo) {
  await ask(`/api/photos/${photo.number}`, { method: "DELETE" });
  photos.delete(photo.number);
  show([photo.number]);
  removed();
}
