for (const name of ["heat", "outlines"])
  document.getElementById(name).addEventListener("change", event =>
    document.body.classList.toggle("no-" + name, !event.target.checked));
const dialog = document.querySelector("dialog"), stage = dialog.querySelector(".stage");
for (const button of document.querySelectorAll(".open"))
  button.addEventListener("click", () => {
    const card = button.closest("article"), picture = button.querySelector(".picture").cloneNode(true);
    for (const image of picture.querySelectorAll("img")) image.loading = "eager";
    dialog.querySelector(".name").textContent = card.querySelector("h2").textContent;
    dialog.querySelector(".link").href = card.querySelector(".link a").href;
    stage.replaceChildren(picture);
    dialog.showModal();
    fit();
  });
// As large as the window allows, at the photo's own proportions.
function fit() {
  const picture = stage.firstElementChild;
  if (!picture) return;
  const [width, height] = picture.querySelector("svg").getAttribute("viewBox").split(" ").slice(2);
  const scale = Math.min((stage.clientWidth - 16) / width, (stage.clientHeight - 8) / height);
  picture.style.width = width * scale + "px";
  picture.style.height = height * scale + "px";
}
addEventListener("resize", fit);
dialog.querySelector("button").addEventListener("click", () => dialog.close());
stage.addEventListener("click", event => event.target === stage && dialog.close());
dialog.addEventListener("close", () => stage.replaceChildren());
// A page that is shown at a chosen threshold leads to pages at the same threshold.
for (const link of document.querySelectorAll('a[href*=".html"]')) link.search = location.search;
// On paper nothing can be opened, so the tables of regions are open, and all pictures are loaded.
addEventListener("beforeprint", () => {
  for (const table of document.querySelectorAll("article details")) table.open = true;
  for (const image of document.querySelectorAll("img")) image.loading = "eager";
});
