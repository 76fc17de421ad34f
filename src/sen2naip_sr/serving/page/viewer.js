// The viewer of the page: two pictures over each other, with a slider between them.
// Gradio runs this once for its component: `element` is the component, `props.value` what it shows.
// A step is a click on a zoom button; a picture pixel of the result is a page pixel at 1:1.
const STEPS = [0.25, 0.5, 1, 2, 3, 4, 6, 8];
const state = {view: null, zoom: 1, x: 0, y: 0, cut: 50, smooth: false, run: null};
const pointers = new Map();

function make(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== null) node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

function find(selector) {
  return element.querySelector(selector);
}

function shown() {
  return props.value.views.find((view) => view.id === state.view);
}

function build() {
  const value = props.value;
  const root = find(".viewer");
  root.replaceChildren();
  if (!value || !value.views) return;
  if (!value.views.some((view) => view.id === state.view)) state.view = value.views[0].id;
  const views = make("fieldset", {class: "views"}, make("legend", {}, "Picture"));
  for (const view of value.views) {
    const input = make("input", {
      type: "radio", name: "sen2naip-view", value: view.id, checked: view.id === state.view,
    });
    input.addEventListener("change", () => { state.view = view.id; paint(); });
    views.append(make("label", {}, input, make("span", {}, view.name)));
  }
  const zooms = make(
    "div", {class: "zooms", role: "group", "aria-label": "Zoom"},
    button("−", "Zoom out", () => zoomBy(-1)),
    make("output", {class: "zoom", "aria-live": "polite"}),
    button("+", "Zoom in", () => zoomBy(1)),
    button("1:1", "One to one: a pixel of the result is a pixel of the page", () => zoomTo(1)),
    button("Fit", "Fit the whole picture", fit),
  );
  const stage = make(
    "div", {
      class: "stage", tabindex: "0", role: "group", "aria-label":
        "Pictures. Arrow keys move them, plus and minus zoom, 0 shows them one to one.",
    },
    layer("under"), layer("over"),
    make("div", {class: "bar", "aria-hidden": "true"}, make("span", {})),
    make("span", {class: "tag left"}), make("span", {class: "tag right"}),
  );
  const range = make("input", {
    type: "range", min: "0", max: "100", step: "1", value: String(state.cut), class: "cut",
    "aria-label": "Divider between the two pictures",
  });
  range.addEventListener("input", () => { state.cut = Number(range.value); place(); });
  const smooth = make("input", {type: "checkbox", checked: state.smooth});
  smooth.addEventListener("change", () => { state.smooth = smooth.checked; paint(); });
  root.append(
    make("div", {class: "tools"}, views, zooms), stage, range,
    make("label", {class: "smooth"}, smooth, make("span", {}, "Smooth the scene's pixels")),
    make("div", {class: "legend"}), make("p", {class: "say"}),
  );
  listen(stage);
  paint();
  oneToOne();
  if (value.run !== state.run) lead();
  state.run = value.run;
}

// shows the result of a new run to whoever looks elsewhere, and to screen readers
function lead() {
  const heading = document.querySelector("#shown h2");
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus({preventScroll: true});
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  heading.scrollIntoView({block: "start", behavior: calm ? "auto" : "smooth"});
}

function button(text, label, act) {
  const node = make("button", {type: "button", "aria-label": label, title: label}, text);
  node.addEventListener("click", act);
  return node;
}

function layer(name) {
  return make("div", {class: `layer ${name}`}, make("img", {alt: "", draggable: "false"}));
}

function paint() {
  const view = shown();
  for (const [name, part] of [["under", view.right], ["over", view.left]]) {
    const image = find(`.${name} img`);
    image.alt = part.alt;
    image.src = part.url;
    image.classList.toggle("smooth", part.scene && state.smooth);
  }
  find(".tag.left").textContent = view.left.name;
  find(".tag.right").textContent = view.right.name;
  find("label.smooth").hidden = !view.left.scene;
  find(".say").textContent = view.say;
  find(".legend").innerHTML = view.legend || "";
  place();
}

function place() {
  const value = props.value;
  const stage = find(".stage");
  const wide = stage.clientWidth;
  const high = stage.clientHeight;
  const width = value.width * state.zoom;
  const height = value.height * state.zoom;
  state.x = width <= wide ? (wide - width) / 2 : Math.min(0, Math.max(wide - width, state.x));
  state.y = height <= high ? (high - height) / 2 : Math.min(0, Math.max(high - height, state.y));
  for (const image of element.querySelectorAll(".layer img")) {
    image.style.width = `${width}px`;
    image.style.height = `${height}px`;
    image.style.transform = `translate(${Math.round(state.x)}px, ${Math.round(state.y)}px)`;
  }
  // the divider stays on the pictures, also where they are narrower than the stage
  const left = Math.max(0, state.x);
  const cut = left + (state.cut / 100) * (Math.min(wide, state.x + width) - left);
  find(".over").style.clipPath = `inset(0 ${wide - cut}px 0 0)`;
  find(".bar").style.left = `${cut}px`;
  const range = find(".cut");
  range.value = String(Math.round(state.cut));
  const view = shown();
  range.setAttribute(
    "aria-valuetext", `${view.left.name} on the left ${Math.round(state.cut)} %, ${view.right.name}`);
  find(".zoom").textContent = `${Math.round(100 * state.zoom)} %`;
}

function zoomTo(zoom, x, y) {
  const stage = find(".stage");
  const middle = [x ?? stage.clientWidth / 2, y ?? stage.clientHeight / 2];
  const least = Math.min(STEPS[0], whole());
  const next = Math.min(STEPS.at(-1), Math.max(least, zoom));
  state.x = middle[0] - (middle[0] - state.x) * (next / state.zoom);
  state.y = middle[1] - (middle[1] - state.y) * (next / state.zoom);
  state.zoom = next;
  place();
}

function zoomBy(direction, x, y) {
  const steps = direction > 0 ? STEPS : [...STEPS].reverse();
  const next = steps.find((step) => direction * (step - state.zoom) > 1e-6);
  if (next) zoomTo(next, x, y);
}

function whole() {
  const stage = find(".stage");
  return Math.min(stage.clientWidth / props.value.width, stage.clientHeight / props.value.height);
}

function fit() {
  zoomTo(whole());
}

function oneToOne() {
  state.zoom = 1;
  const stage = find(".stage");
  state.x = (stage.clientWidth - props.value.width) / 2;
  state.y = (stage.clientHeight - props.value.height) / 2;
  place();
}

function cutAt(clientX) {
  const stage = find(".stage");
  const left = Math.max(0, state.x);
  const right = Math.min(stage.clientWidth, state.x + props.value.width * state.zoom);
  const inside = clientX - stage.getBoundingClientRect().left;
  state.cut = Math.min(100, Math.max(0, (100 * (inside - left)) / (right - left)));
  place();
}

function listen(stage) {
  let divides = false;
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    stage.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
    const bar = find(".bar").getBoundingClientRect();
    divides = pointers.size === 1 && Math.abs(event.clientX - (bar.left + bar.width / 2)) < 24;
  });
  stage.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const after = [event.clientX, event.clientY];
    if (pointers.size === 2) pinch(stage, event.pointerId, before, after);
    else if (divides) cutAt(event.clientX);
    else {
      state.x += after[0] - before[0];
      state.y += after[1] - before[1];
      place();
    }
    pointers.set(event.pointerId, after);
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    stage.addEventListener(kind, (event) => pointers.delete(event.pointerId));
  }
  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const box = stage.getBoundingClientRect();
    zoomBy(event.deltaY < 0 ? 1 : -1, event.clientX - box.left, event.clientY - box.top);
  }, {passive: false});
  stage.addEventListener("keydown", (event) => {
    const moves = {ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40]};
    const keys = {"+": () => zoomBy(1), "=": () => zoomBy(1), "-": () => zoomBy(-1),
      "0": () => zoomTo(1)};
    if (moves[event.key]) {
      state.x += moves[event.key][0];
      state.y += moves[event.key][1];
      place();
    } else if (keys[event.key] && !event.ctrlKey && !event.metaKey) keys[event.key]();
    else return;
    event.preventDefault();
  });
}

function pinch(stage, id, before, after) {
  const other = [...pointers].find(([key]) => key !== id)[1];
  const box = stage.getBoundingClientRect();
  state.x += (after[0] - before[0]) / 2;
  state.y += (after[1] - before[1]) / 2;
  const apart = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
  const x = (after[0] + other[0]) / 2 - box.left;
  const y = (after[1] + other[1]) / 2 - box.top;
  zoomTo(apart(before) > 0 ? (state.zoom * apart(after)) / apart(before) : state.zoom, x, y);
}

watch("value", build);
build();
new ResizeObserver(() => { if (find(".stage")) place(); }).observe(element);
