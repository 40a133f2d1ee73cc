// The page: it puts the parts together.
import { begin, ofVisit, judged, ownThreshold, photos, refresh, send, shownThreshold, ask, view, visit } from "./visit.js";
import * as gallery from "./gallery.js";
import * as viewer from "./viewer.js";
import { add, chosen, dropped, sending } from "./uploading.js";

const PAUSE = 700; // milliseconds between two questions for results
const $ = id => document.getElementById(id);
let asking = false, again = false;
const begun = begin();
begun.catch(error => {
  document.body.inert = false;
  tell(`The page could not begin (${error.message}). Load it again.`);
});

function tell(text) {
  // All beside an open dialog is behind it, and inert.
  (document.querySelector("dialog[open]") ?? document.body).append($("message"));
  $("message").textContent = text;
  $("message").hidden = false;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => { $("message").hidden = true; }, 9000);
}
addEventListener("unhandledrejection", event => tell(event.reason?.message ?? String(event.reason)));

// Asks for results while there is something to wait for.
async function follow() {
  again = true;
  if (asking) return;
  asking = true;
  try {
    while (again || busy()) {
      again = false;
      try {
        update(await refresh());
      } catch (error) {
        // The visit may have ended. Anything else may pass, so the page asks again.
        if (error.status === 403) throw error;
        tell(`The server did not answer (${error.message}). Asking again.`);
        again = true;
        await new Promise(resolve => setTimeout(resolve, 4 * PAUSE));
      }
      if (busy()) await new Promise(resolve => setTimeout(resolve, PAUSE));
    }
  } finally {
    asking = false;
  }
}
const waiting = () => [...photos.values()].filter(photo => ["waiting", "working"].includes(photo.state)).length;
const busy = () => waiting() > 0 || sending.done < sending.total;

function update(numbers) {
  if (numbers.length) gallery.show(numbers);
  document.body.classList.toggle("empty", photos.size === 0 && !busy());
  summarise();
  progress();
}

function summarise() {
  const done = [...photos.values()].filter(photo => photo.record);
  const cracked = done.filter(photo => judged(photo).cracked).length;
  $("summary").textContent = done.length ? `${cracked} of ${done.length} photo${done.length > 1 ? "s" : ""} cracked` : "";
  $("threshold-value").textContent = shownThreshold();
  $("threshold-reset").disabled = ownThreshold();
  for (const link of document.querySelectorAll("#take a[data-path]")) {
    link.href = link.dataset.path + ofVisit();
    if (!link.target) link.download = "";
  }
}

function progress() {
  const inspected = photos.size - waiting(), total = photos.size + sending.total - sending.done;
  const failed = sending.problems.length;
  $("progress").hidden = !busy() && !failed;
  $("progress").querySelector("i").style.width = `${total ? 100 * inspected / total : 0}%`;
  const sent = sending.done < sending.total ? `, ${sending.total - sending.done} on their way` : "";
  const problem = failed ? ` ${failed} could not be sent: ${sending.problems.slice(0, 3).join("; ")}` : "";
  $("progress").querySelector("p").textContent = `${inspected} of ${total} inspected${sent}.${problem}`;
}

async function take(files) {
  if (!files.length) return;
  // Photos may come before the server has told what it takes.
  await begun;
  const others = add(files, () => { update([]); follow(); });
  if (others) tell(`${others} file${others > 1 ? "s are" : " is"} no photo (${visit.extensions.join(" ")})`);
}

function redraw() {
  gallery.show();
  viewer.show();
  summarise();
}

for (const [button, input] of [["add", "files"], ["add-folder", "folder"]]) {
  $(button).addEventListener("click", () => $(input).click());
  $(input).addEventListener("change", () => {
    take(chosen($(input)));
    $(input).value = "";
  });
}
$("welcome").addEventListener("click", () => $("files").click());
let depth = 0;
const withFiles = event => event.dataTransfer?.types.includes("Files");
for (const [kind, change] of [["dragenter", 1], ["dragleave", -1]])
  addEventListener(kind, event => {
    if (withFiles(event)) $("dropping").hidden = (depth = Math.max(0, depth + change)) === 0;
  });
addEventListener("dragover", event => withFiles(event) && event.preventDefault());
addEventListener("drop", async event => {
  if (!withFiles(event)) return;
  event.preventDefault();
  $("dropping").hidden = (depth = 0) === 0;
  await take(await dropped(event.dataTransfer));
});

let frame = 0;
$("threshold").addEventListener("input", () => {
  view.threshold = Number($("threshold").value) / 100;
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(redraw);
});
$("threshold-reset").addEventListener("click", () => {
  view.threshold = visit.threshold;
  $("threshold").value = 100 * view.threshold;
  redraw();
  $("threshold").focus();
});
for (const name of ["filter", "sort", "search"])
  $(name).addEventListener("input", () => {
    view[name] = $(name).value;
    gallery.arrange();
  });
const switches = name => [$(name), document.querySelector(`[data-switch=${name}]`)];
for (const name of ["heat", "outlines"])
  for (const box of switches(name))
    box.addEventListener("change", () => {
      view[name] = box.checked;
      for (const one of switches(name)) one.checked = box.checked;
      document.body.classList.toggle(`no-${name}`, !box.checked);
    });

const about = $("about"), form = about.querySelector("form");
$("describe").addEventListener("click", async () => {
  // Another tab may have said something, too.
  visit.inspection = (await ask("/api/visit")).inspection;
  for (const [key, value] of Object.entries(visit.inspection)) form.elements[key].value = value ?? "";
  about.showModal();
});
$("about-cancel").addEventListener("click", () => about.close("cancel"));
about.addEventListener("close", async () => {
  if (about.returnValue !== "save") return;
  const said = Object.fromEntries(new FormData(form));
  try {
    await send("PUT", "/api/inspection", said);
  } catch (error) {
    about.showModal();
    throw error;
  }
  visit.inspection = said;
});
$("take").addEventListener("click", event => {
  if (event.target.closest("a")) $("take").open = false;
});
addEventListener("click", event => {
  if (!$("take").contains(event.target)) $("take").open = false;
});
addEventListener("keydown", event => {
  if (event.key !== "Escape" || !$("take").open) return;
  $("take").open = false;
  $("take").querySelector("summary").focus();
});
$("forget").addEventListener("click", async () => {
  const kept = visit.kept ? `The results stay in ${visit.kept}.` : "All photos, results and corrections of this visit are deleted.";
  if (!confirm(`End this visit? ${kept}`)) return;
  await ask("/api/visit", { method: "DELETE" });
  location.reload();
});

gallery.whenOpened(viewer.open);
gallery.whenRemoved(() => {
  update([]);
  (document.querySelector(".remove") ?? $("add")).focus();
});
viewer.whenCorrected(async answer => {
  await answer;
  update(await refresh());
  viewer.show();
  // Another tab may have added photos to wait for.
  await follow();
});

await begun;
document.body.inert = false;
const { name, version: edition } = visit.model;
const short = name.startsWith("models:/") ? name : name.split("/").slice(-2).join("/");
$("model").textContent = `model ${short}${edition ? `, version ${edition}` : ""}`;
$("uncalibrated").hidden = visit.calibrated;
$("model").title = name;
$("threshold").value = 100 * view.threshold;
document.documentElement.style.setProperty("--heat", visit.opacity);
$("privacy").textContent = visit.kept ? `Photos and results are kept in ${visit.kept}.`
  : "Photos stay on this machine, and are deleted when you end the visit or the program.";
$("pdf-note").textContent = visit.pdf ? "made by Chromium on this machine" : "open the report and print it: no Chromium here";
if (!visit.pdf) Object.assign($("pdf").dataset, { path: "/results/report.html" });
if (!visit.pdf) $("pdf").target = "_blank";
// Not awaited: an error of the module itself is no unhandled rejection, and would not be told.
follow();
