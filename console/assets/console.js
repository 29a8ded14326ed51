"use strict";
// Pages are whole without this: it adds filters to long tables, and buttons that copy.
// On a narrow screen the pages' names are a row to be moved: the one that is open is to be seen.
document.querySelector(".top nav a[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
for (const bar of document.querySelectorAll(".filter")) {
  let list = bar.nextElementSibling;
  const rows = [...list.querySelectorAll("tbody > tr, :scope > li")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const input = bar.querySelector("input");
  const output = bar.querySelector("output");
  bar.hidden = false;
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    let shown = 0;
    rows.forEach((row, at) => {
      row.hidden = !texts[at].includes(wanted);
      if (!row.hidden) shown += 1;
    });
    output.textContent = wanted === "" ? "" : `${shown} of ${rows.length}`;
  });
}
if (navigator.clipboard) {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const text = button.parentElement.querySelector("pre");
    const details = button.parentElement;
    const show = () => { button.hidden = !details.open; };
    details.addEventListener("toggle", show);
    show();
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }
}
