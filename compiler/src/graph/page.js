"use strict";
(() => {
  const svg = document.getElementById("picture");
  const by = (id) => document.getElementById(id);
  const cards = [...svg.querySelectorAll("a.card")];
  const arrows = [...svg.querySelectorAll("path.arrow[data-from]")];
  const whole = svg.viewBox.baseVal;
  const home = { x: whole.x, y: whole.y, w: whole.width, h: whole.height };
  let view = { ...home };
  const show = () => { svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.w} ${view.h}`); far(); };

  // Zoom and move. The point under the pointer, or the middle, stays where it is.
  const scale = () => Math.max(view.w / svg.clientWidth, view.h / svg.clientHeight);
  const at = (event) => {
    const point = new DOMPoint(event.clientX, event.clientY);
    return point.matrixTransform(svg.getScreenCTM().inverse());
  };
  const zoom = (factor, around) => {
    const point = around || { x: view.x + view.w / 2, y: view.y + view.h / 2 };
    const w = Math.min(Math.max(view.w * factor, 200), home.w * 4);
    const real = w / view.w;
    view = { x: point.x - (point.x - view.x) * real, y: point.y - (point.y - view.y) * real, w, h: view.h * real };
    show();
  };
  const move = (x, y) => { view.x += x; view.y += y; show(); };
  const fit = () => { view = { ...home }; show(); };
  by("in").addEventListener("click", () => zoom(0.8));
  by("out").addEventListener("click", () => zoom(1.25));
  by("fit").addEventListener("click", () => { clear(); fit(); });
  svg.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) zoom(event.deltaY > 0 ? 1.15 : 0.87, at(event));
    else move(event.deltaX * scale(), event.deltaY * scale());
  }, { passive: false });
  let held = null;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button === 0) held = { x: event.clientX, y: event.clientY, moved: false };
  });
  svg.addEventListener("pointermove", (event) => {
    if (!held) return;
    const [x, y] = [event.clientX - held.x, event.clientY - held.y];
    if (!held.moved && Math.hypot(x, y) < 5) return;
    if (!held.moved) svg.setPointerCapture(event.pointerId);
    svg.classList.add("dragged");
    const by = scale();
    move(-x * by, -y * by);
    held = { x: event.clientX, y: event.clientY, moved: true };
  });
  let dragged = false;
  const drop = () => { dragged = Boolean(held && held.moved); held = null; svg.classList.remove("dragged"); };
  svg.addEventListener("pointerup", drop);
  svg.addEventListener("pointercancel", drop);

  // Which card is looked at, and what it is connected with.
  const lines = (element) => (element.querySelector(":scope > title") || { textContent: "" }).textContent;
  const name = (card) => card.querySelector(".name").textContent;
  const whatOf = (card) => lines(card).split("\n")[0];
  const clear = () => {
    svg.classList.remove("some");
    for (const element of svg.querySelectorAll(".on,.near")) element.classList.remove("on", "near");
    by("details").hidden = true;
  };
  const link = (card) => {
    const a = document.createElement("a");
    a.href = card.getAttribute("href");
    a.textContent = whatOf(card);
    a.addEventListener("click", (event) => { event.preventDefault(); choose(card, true); });
    return a;
  };
  // In the console each resource has a page.
  const opening = (page, text) => {
    const a = document.createElement("a");
    a.href = page;
    a.textContent = text;
    return a;
  };
  const list = (title, items) => {
    if (items.length === 0) return;
    const head = document.createElement("h3");
    head.textContent = title;
    head.hidden = title === "";
    const ul = document.createElement("ul");
    for (const item of items) {
      const li = document.createElement("li");
      li.append(item);
      ul.append(li);
    }
    by("lists").append(head, ul);
  };
  const card = (id) => cards.find((one) => one.dataset.card === id);
  const choose = (chosen, centre) => {
    clear();
    svg.classList.add("some");
    chosen.classList.add("on");
    const [callers, called] = [new Set(), new Set()];
    for (const arrow of arrows) {
      const { from, to } = arrow.dataset;
      if (from !== chosen.dataset.card && to !== chosen.dataset.card) continue;
      for (const one of [arrow, arrow.nextElementSibling]) one.classList.add("near");
      if (from !== chosen.dataset.card) callers.add(card(from));
      if (to !== chosen.dataset.card) called.add(card(to));
    }
    for (const one of [...callers, ...called]) one.classList.add("near");
    const [what, ...about] = lines(chosen).split("\n");
    by("what").textContent = what;
    by("about").textContent = about.join("\n");
    by("lists").replaceChildren();
    const row = (element) => element.dataset.page ? opening(element.dataset.page, lines(element)) : lines(element);
    const rows = (kind) => [...chosen.querySelectorAll(kind)].map(row);
    if (chosen.dataset.page) list("", [opening(chosen.dataset.page, "Open its page")]);
    list("Routes", rows(".row.route"));
    list("Nodes", rows(".row.of-node"));
    list("Called by", [...callers].map(link));
    list("Calls", [...called].map(link));
    by("details").hidden = false;
    if (centre) {
      const box = chosen.getBBox();
      const w = Math.min(home.w, Math.max(box.width * 4, 1200));
      const h = (w * home.h) / home.w;
      view = { x: box.x + box.width / 2 - w / 2, y: box.y + box.height / 2 - h / 2, w, h };
      show();
      chosen.focus({ preventScroll: true });
    }
  };
  for (const one of cards) {
    one.addEventListener("click", (event) => {
      event.preventDefault();
      // The click that ends a drag chooses nothing; the next one does.
      const was = dragged;
      dragged = false;
      if (!was) choose(one, false);
    });
  }
  by("close").addEventListener("click", clear);

  // From afar nothing but names can be read: each then fills its card.
  const parts = (text) => {
    const [first] = text.split(".");
    const short = first === "" ? text : first;
    const gaps = [...short.matchAll(/[-_ ]/g)].map((gap) => gap.index + 1);
    const middle = (a, b) => Math.abs(a - short.length / 2) - Math.abs(b - short.length / 2);
    const cut = short.length > 8 ? gaps.sort(middle)[0] : undefined;
    return cut ? [short.slice(0, cut), short.slice(cut)] : [short];
  };
  const large = (one) => {
    const body = one.querySelector(".body");
    const [x, y, width, height] = ["x", "y", "width", "height"].map((side) => Number(body.getAttribute(side)));
    const lines = parts(name(one));
    const letters = Math.max(...lines.map((line) => line.length), 4);
    const size = Math.min((width - 32) / (letters * 0.6), (height - 12) / (lines.length * 1.15), 64);
    lines.forEach((line, number) => {
      const text = document.createElementNS(svg.namespaceURI, "text");
      text.setAttribute("class", "far-name");
      text.setAttribute("aria-hidden", "true");
      text.setAttribute("x", x + 18);
      text.setAttribute("y", y + height / 2 + size * (0.35 + 1.15 * (number - (lines.length - 1) / 2)));
      text.setAttribute("font-size", size);
      text.textContent = line;
      one.append(text);
    });
  };
  let named = false;
  const far = () => {
    const is = scale() > 2.3;
    if (is && !named) { named = true; cards.forEach(large); }
    svg.classList.toggle("far", is);
  };

  // Search: in names and in everything that rows say.
  const texts = new Map(cards.map((one) => [one, one.textContent.toLowerCase()]));
  let hits = [];
  let hit = -1;
  const search = () => {
    const wanted = by("search").value.trim().toLowerCase();
    clear();
    hit = -1;
    hits = wanted === "" ? [] : cards.filter((one) => texts.get(one).includes(wanted));
    hits.sort((a, b) => Number(!name(a).toLowerCase().includes(wanted)) - Number(!name(b).toLowerCase().includes(wanted)));
    by("found").textContent = wanted === "" ? "" : `${hits.length} found`;
    if (hits.length > 0) svg.classList.add("some");
    for (const one of hits) one.classList.add("near");
  };
  by("search").addEventListener("input", search);
  by("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && hits.length > 0) {
      hit = (hit + 1) % hits.length;
      by("found").textContent = `${hit + 1} of ${hits.length}`;
      choose(hits[hit], true);
      by("search").focus();
    }
    if (event.key === "Escape") { by("search").value = ""; search(); svg.focus(); }
  });
  const step = () => 80 * scale();
  const keys = {
    "/": () => by("search").focus(),
    "+": () => zoom(0.8), "=": () => zoom(0.8), "-": () => zoom(1.25), "0": () => fit(),
    ArrowLeft: () => move(-step(), 0), ArrowRight: () => move(step(), 0),
    ArrowUp: () => move(0, -step()), ArrowDown: () => move(0, step()),
    Escape: () => clear(),
  };
  document.addEventListener("keydown", (event) => {
    // The click of a drag may go to no card: what a key does has nothing to do with it.
    dragged = false;
    if (event.target.closest("input,select,textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (Object.hasOwn(keys, event.key)) { event.preventDefault(); keys[event.key](); }
  });
  window.addEventListener("resize", far);
  far();
})();
