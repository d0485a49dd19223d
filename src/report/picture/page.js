"use strict";
(() => {
  const images = JSON.parse(document.getElementById("images").textContent);
  const byId = (id) => document.getElementById(id);
  const [picture, main, search, found, hover, chosen] =
    ["picture", "main", "search", "found", "hover", "chosen"].map(byId);
  const nodes = images.map((_, at) => byId("i" + at));
  const lines = [...picture.querySelectorAll("[data-from]")].map((element) => ({
    element,
    from: Number(element.dataset.from),
    to: element.dataset.to.split(" ").map(Number),
  }));
  const dependents = images.map(() => []);
  images.forEach((image, at) => image.needs.forEach((needed) => dependents[needed].push(at)));

  // What is told of an image, always as text.
  const element = (name, text, parent) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (parent) parent.append(made);
    return made;
  };
  const tell = (card, at) => {
    const image = images[at];
    card.replaceChildren();
    if (card === chosen) {
      const close = element("button", "×", card);
      close.className = "close";
      close.setAttribute("aria-label", "Close");
      close.addEventListener("click", () => choose(null));
    }
    element("h2", image.name, card);
    const list = element("dl", undefined, card);
    const row = (label, values, isCode) => {
      values = (Array.isArray(values) ? values : [values]).filter((value) => value !== null && value !== "");
      if (values.length === 0) return;
      element("dt", label, list);
      const cell = element("dd", undefined, list);
      values.forEach((value) => element("div", undefined, cell).append(element(isCode ? "code" : "span", value)));
    };
    row("", image.standing);
    row("why", image.reasons);
    row("Dockerfile", image.dockerfile, true);
    row("context", image.context, true);
    row("stage", image.target, true);
    row("key", image.key, true);
    row("revision", image.revision, true);
    row("size", image.size);
    row("inputs", image.inputs);
    row("on", image.bases, true);
    const names = (all) => all.slice(0, 8).map((other) => images[other].name)
      .concat(all.length > 8 ? ["and " + (all.length - 8) + " more"] : []);
    row("built from", names(image.needs), true);
    row("needed by", names(dependents[at]), true);
    card.hidden = false;
  };

  // The chain of an image: all it depends on, all that depends on it.
  const reach = (at, next) => {
    const seen = new Set([at]);
    for (const open = [at]; open.length > 0;) {
      for (const other of next(open.pop())) {
        if (!seen.has(other)) { seen.add(other); open.push(other); }
      }
    }
    return seen;
  };
  let current = null;
  const choose = (at) => {
    current = at;
    history.replaceState(null, "", at === null ? location.pathname + location.search : "#" + encodeURIComponent(images[at].name));
    picture.classList.toggle("lit", at !== null);
    nodes.forEach((node, other) => node.classList.toggle("chosen", other === at));
    if (at === null) { chosen.hidden = true; return; }
    const below = reach(at, (other) => images[other].needs);
    const above = reach(at, (other) => dependents[other]);
    nodes.forEach((node, other) => node.classList.toggle("on", below.has(other) || above.has(other)));
    for (const line of lines) {
      const leads = (side) => side.has(line.from) && line.to.some((to) => side.has(to));
      line.element.classList.toggle("on", leads(below) || leads(above));
    }
    hover.hidden = true;
    tell(chosen, at);
  };
  const place = (x, y) => {
    const { width, height } = hover.getBoundingClientRect();
    const right = x + 16 + width > innerWidth ? x - 16 - width : x + 16;
    const below = y + 16 + height > innerHeight ? y - 16 - height : y + 16;
    hover.style.left = Math.max(4, right) + "px";
    hover.style.top = Math.max(4, below) + "px";
  };
  const show = (at, x, y) => {
    if (at === current) return;
    tell(hover, at);
    place(x, y);
  };
  nodes.forEach((node, at) => {
    node.addEventListener("pointerenter", (event) => show(at, event.clientX, event.clientY));
    node.addEventListener("pointermove", (event) => { if (!hover.hidden) place(event.clientX, event.clientY); });
    node.addEventListener("pointerleave", () => { hover.hidden = true; });
    node.addEventListener("focus", () => {
      if (!node.matches(":focus-visible")) return;
      const box = node.getBoundingClientRect();
      show(at, box.right - 16, box.bottom - 16);
    });
    node.addEventListener("blur", () => { hover.hidden = true; });
    node.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(at === current ? null : at); }
    });
  });

  // Search, and the kinds of the legend.
  let hits = [];
  let hit = -1;
  let kind = null;
  const text = images.map((image) =>
    [image.name, image.dockerfile, image.key, image.revision, ...image.bases, ...image.reasons].join("\n").toLowerCase());
  const look = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const isWanted = words.length > 0 || kind !== null;
    hits = images.map((_, at) => at).filter((at) =>
      words.every((word) => text[at].includes(word)) && (kind === null || images[at].standing === kind));
    hit = -1;
    picture.classList.toggle("searched", isWanted);
    const wanted = new Set(hits);
    nodes.forEach((node, at) => {
      node.classList.toggle("hit", wanted.has(at));
      node.classList.remove("current");
    });
    found.textContent = isWanted ? hits.length + " of " + images.length : "";
  };
  const centre = (at) => {
    const box = nodes[at].getBoundingClientRect();
    const view = main.getBoundingClientRect();
    main.scrollBy(box.left + box.width / 2 - view.left - view.width / 2, box.top + box.height / 2 - view.top - view.height / 2);
  };
  search.addEventListener("input", () => { choose(null); look(); if (hits.length > 0 && search.value) centre(hits[0]); });
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || hits.length === 0) return;
    if (hit >= 0) nodes[hits[hit]].classList.remove("current");
    hit = (hit + (event.shiftKey ? hits.length - 1 : 1)) % hits.length;
    nodes[hits[hit]].classList.add("current");
    centre(hits[hit]);
    found.textContent = (hit + 1) + " of " + hits.length;
  });
  const kinds = [...document.querySelectorAll("button[data-kind]")];
  kinds.forEach((button) => button.addEventListener("click", () => {
    kind = kind === button.dataset.kind ? null : button.dataset.kind;
    kinds.forEach((other) => other.setAttribute("aria-pressed", String(other.dataset.kind === kind)));
    choose(null);
    look();
  }));
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      if (current !== null) choose(null);
      else { search.value = ""; kind = null; kinds.forEach((button) => button.setAttribute("aria-pressed", "false")); look(); }
    } else if (event.key === "/" && document.activeElement !== search) {
      event.preventDefault();
      search.focus();
    }
  });

  // Nearer, farther, and by hand.
  const width = picture.viewBox.baseVal.width;
  const height = picture.viewBox.baseVal.height;
  let scale = 1;
  const zoom = (wanted, x, y) => {
    const view = main.getBoundingClientRect();
    const [left, top] = [(x ?? view.left + view.width / 2) - view.left, (y ?? view.top + view.height / 2) - view.top];
    const before = picture.getBoundingClientRect();
    const [atX, atY] = [(view.left + left - before.left) / scale, (view.top + top - before.top) / scale];
    scale = Math.min(4, Math.max(0.08, wanted));
    picture.setAttribute("width", Math.round(width * scale));
    picture.setAttribute("height", Math.round(height * scale));
    const after = picture.getBoundingClientRect();
    main.scrollBy(after.left + atX * scale - view.left - left, after.top + atY * scale - view.top - top);
  };
  const whole = () => Math.min(main.clientWidth / width, main.clientHeight / height);
  byId("nearer").addEventListener("click", () => zoom(scale * 1.25));
  byId("farther").addEventListener("click", () => zoom(scale / 1.25));
  byId("whole").addEventListener("click", () => zoom(Math.min(1.5, whole())));
  main.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(scale * Math.exp(-event.deltaY / 300), event.clientX, event.clientY);
  }, { passive: false });
  let grip = null;
  main.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.pointerType === "touch") return;
    grip = { x: event.clientX, y: event.clientY, left: main.scrollLeft, top: main.scrollTop, moved: false };
  });
  addEventListener("pointermove", (event) => {
    if (grip === null) return;
    const [x, y] = [event.clientX - grip.x, event.clientY - grip.y];
    if (!grip.moved && Math.hypot(x, y) < 5) return;
    grip.moved = true;
    main.classList.add("dragged");
    main.scrollTo(grip.left - x, grip.top - y);
  });
  addEventListener("pointerup", () => {
    main.classList.remove("dragged");
    // The click that ends a drag chooses nothing.
    setTimeout(() => { grip = null; });
  });
  main.addEventListener("click", (event) => {
    if (grip !== null && grip.moved) return;
    const node = event.target.closest(".image");
    const at = node === null ? null : nodes.indexOf(node);
    choose(at === current ? null : at);
  });
  // Names are read before all of a large picture is seen.
  zoom(Math.min(1.25, Math.max(0.7, whole())));
  // An address may name an image (`#acme/api`) or words to look for (`#?api`), so that a view can be passed on.
  const mark = decodeURIComponent(location.hash.slice(1));
  const named = images.findIndex((image) => image.name === mark);
  if (named >= 0) choose(named);
  else if (mark.startsWith("?")) { search.value = mark.slice(1); look(); }
  const first = named >= 0 ? named : hits.length > 0 ? hits[0] : images.findIndex((image) => image.reasons.length > 0 && image.standing !== "unchanged");
  if (scale > whole() && nodes.length > 0) centre(Math.max(0, first));
})();
