// The view of the explorer: one file, no library, nothing is fetched.
//
// `settings` is what the reader has chosen (candidates, seed, guidance, ...), shared with Python in both directions.
// `fixed` is what never changes (the noise schedule, the names of samplers and blocks). What Python works out comes as
// messages: images, costs, scores. All text is set as text, never as HTML.

const SVG = "http://www.w3.org/2000/svg"
const LETTERS = ["A", "B"]
const LINE = 62       // height of the line of one candidate, in pixels
const MARGIN = 26     // left and right of it

// An element with attributes; a function as the value of "onclick" and the like becomes a listener.
function make(space, tag, attributes = {}, ...children) {
  const e = space ? document.createElementNS(space, tag) : document.createElement(tag)
  for (const [k, v] of Object.entries(attributes)) {
    if (typeof v == "function") e.addEventListener(k.slice(2), v)
    else if (v !== false && v != null) e.setAttribute(k, v === true ? "" : v)
  }
  e.append(...children)
  return e
}
const h = (...args) => make(null, ...args)
const g = (...args) => make(SVG, ...args)
const clamp = (x, low, high) => Math.min(Math.max(x, low), high)
const per_cent = x => `${Math.round(100 * x)} %`

// Round numbers between two ends, about as many as asked for.
function ticks(low, high, count) {
  const rough = (high - low) / Math.max(count, 1), power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= rough)
  const found = []
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(+(k * step).toPrecision(6))
  return found
}

// Where times stand on the line: the noisy end at the left, clean data at the right.
class Axis {
  constructor(fixed, name, width) {
    Object.assign(this, { snr: fixed.log_snr, name, width, last: fixed.n_train - 1 })
    this.low = this.value(this.last)
    this.high = this.value(0)
  }
  value(t) {
    if (this.name == "t") return -t
    const k = clamp(Math.floor(t), 0, this.last - 1)
    return this.snr[k] + (t - k) * (this.snr[k + 1] - this.snr[k])
  }
  x_of_value(v) { return MARGIN + (this.width - 2 * MARGIN) * (v - this.low) / (this.high - this.low) }
  x(t) { return this.x_of_value(this.value(clamp(t, 0, this.last))) }
  // the nearest whole training step
  t(x) {
    const v = this.low + (this.high - this.low) * (x - MARGIN) / (this.width - 2 * MARGIN)
    if (this.name == "t") return clamp(Math.round(-v), 0, this.last)
    let a = 0, b = this.last
    while (b - a > 1) { const m = (a + b) >> 1; if (this.snr[m] > v) a = m; else b = m }
    return this.snr[a] - v < v - this.snr[b] ? a : b
  }
  ticks() { return ticks(this.low, this.high, this.width / 90).map(v => [this.x_of_value(v), Math.abs(v) < 1e-9 ? 0 : this.name == "t" ? -v : v]) }
}

// ---- changes of a candidate; each keeps times strictly decreasing and blocks possible ----

// Blocks can be reused only where they ran before.
function mend(c) {
  const ran = new Set()
  for (const s of c.steps) {
    s.reuse = s.reuse.filter(b => ran.has(b))
    c.blocks?.forEach(b => { if (!s.skip.includes(b) && !s.reuse.includes(b)) ran.add(b) })
  }
}
function limits(c, k, last) {
  const above = k ? c.steps[k - 1].t - 1 : last
  const below = k + 1 < c.steps.length ? c.steps[k + 1].t + 1 : Math.max(0, Math.floor(c.t_end) + 1)
  return [below, above]
}
function move(c, k, t, last) {
  const [low, high] = limits(c, k, last)
  if (low <= high) c.steps[k].t = clamp(t, low, high)
}
// A new step at `t`, or at the next free time; its number, or -1 where there is no room.
function insert(c, t, last) {
  const taken = new Set(c.steps.map(s => s.t))
  const lowest = Math.max(0, Math.floor(c.t_end) + 1)
  const free = []
  for (let u = lowest; u <= last; u++) if (!taken.has(u)) free.push(u)
  if (!free.length) return -1
  const at = free.reduce((a, b) => Math.abs(b - t) < Math.abs(a - t) ? b : a)
  c.steps.push({ t: at, skip: [], reuse: [], guided: true })
  c.steps.sort((a, b) => b.t - a.t)
  return c.steps.findIndex(s => s.t == at)
}
function remove(c, k) {
  if (c.steps.length == 1) return
  c.steps.splice(k, 1)
  mend(c)
}
// run -> skip -> reuse, where that can be -> run
function next_state(c, k, block) {
  const s = c.steps[k]
  const ran = c.steps.slice(0, k).some(o => !o.skip.includes(block) && !o.reuse.includes(block))
  const was = state_of(s, block)
  s.skip = s.skip.filter(b => b != block)
  s.reuse = s.reuse.filter(b => b != block)
  if (was == "run") s.skip.push(block)
  if (was == "skip" && ran) s.reuse.push(block)
  mend(c)
}
const state_of = (s, block) => s.skip.includes(block) ? "skip" : s.reuse.includes(block) ? "reuse" : "run"

// ---- the view ----

class View {
  constructor(model, el) {
    this.model = model
    this.fixed = model.get("fixed")
    this.chosen = [0, 0]      // the step of each candidate that was touched last
    this.shown = { rows: [], blocks: [], scores: [], busy: "" }
    this.strips = new Map()   // name of a row -> URL of its images
    this.read()
    this.build(el)
    this.watch()
  }

  read() {
    this.s = structuredClone(this.model.get("settings"))
    for (const c of this.s.candidates) c.blocks = this.fixed.blocks.map((_, i) => i)
  }
  get candidate() { return this.s.candidates[this.s.active] }

  // Tell Python what was chosen. While a step is dragged, at most every 120 ms.
  commit(soon = false) {
    this.s.request += 1
    this.draw()
    if (!soon) return this.push()
    this.timer ??= setTimeout(() => this.push(), 120)
  }
  push() {
    clearTimeout(this.timer)
    this.timer = null
    const plain = structuredClone(this.s)
    for (const c of plain.candidates) delete c.blocks
    this.model.set("settings", plain)
    this.model.save_changes()
  }

  watch() {
    this.on_settings = () => {
      if (this.model.get("settings").request <= this.s.request) return   // our own
      this.read()
      this.draw()
    }
    this.on_message = (m, buffers) => {
      if (m.kind == "shown") this.receive(m, buffers)
      if (m.kind == "said") this.say(m.text, m.wrong, m.replace)
    }
    this.model.on("change:settings", this.on_settings)
    this.model.on("msg:custom", this.on_message)
    this.size = new ResizeObserver(() => this.draw())
    this.size.observe(this.root)
    this.model.send({ kind: "hello" })
  }
  close() {
    clearTimeout(this.timer)
    this.size.disconnect()
    this.model.off("change:settings", this.on_settings)
    this.model.off("msg:custom", this.on_message)
    for (const url of this.strips.values()) URL.revokeObjectURL(url)
  }

  build(el) {
    const f = this.fixed
    const field = (label, input, title) => h("label", { class: "ad-field", title }, h("span", {}, label), input)
    const select = (names, change) => h("select", { onchange: change }, ...names.map(([value, text]) => h("option", { value }, text)))
    const number = (attributes, change) => h("input", { type: "number", ...attributes, onchange: change })
    this.sampler = select(f.samplers.map(o => [o, o]), e => { this.candidate.sampler = e.target.value; this.candidate.eta = 0; this.commit() })
    this.from = select([["", "set to ..."], ...f.schedules.map(o => [o, o])], e => {
      this.model.send({ kind: "schedule", name: e.target.value })
      e.target.value = ""
    })
    this.seed = number({ min: 0, step: 1 }, e => { this.s.seed = clamp(Math.round(+e.target.value) || 0, 0, 1e9); this.commit() })
    this.guidance = number({ min: 0, step: .5, disabled: !f.guidable }, e => { this.s.guidance = +e.target.value || 0; this.commit() })
    this.axis = select([["t", "training steps"], ["log_snr", "log-SNR"]], e => { this.s.axis = e.target.value; this.commit() })
    this.count = h("output", {})
    const button = (text, title, click, kind = "") => h("button", { type: "button", title, class: kind, "aria-label": title, onclick: click }, text)
    const stepper = h("span", { class: "ad-stepper" },
      button("−", "remove the chosen step", () => this.drop()), this.count, button("+", "add a step", () => this.add()))
    this.tabs = h("span", { class: "ad-tabs", role: "tablist", "aria-label": "candidate" })
    this.second = button("", "", () => this.toggle_second(), "ad-second")
    this.bar = h("div", { class: "ad-bar" }, this.tabs, field("steps", stepper), field("times", this.from, "steps of a known schedule"),
      field("sampler", this.sampler), field("guidance", this.guidance, f.guidable ? "scale of classifier-free guidance, 1 is none" : "this model takes no guidance"),
      field("seed", this.seed, "of the noise that images begin with"), field("axis", this.axis), this.second)
    this.lines = g("svg", { class: "ad-lines", role: "group", "aria-label": "time line: drag the steps" })
    this.rows = h("div", { class: "ad-rows" })
    this.grid = h("div", { class: "ad-blocks" })
    this.score = h("input", { type: "checkbox", disabled: !f.metric, onchange: e => { this.s.score = e.target.checked; this.commit() } })
    this.scores = h("div", { class: "ad-scores" })
    const panel = h("div", { class: "ad-panel" },
      h("label", { class: "ad-check", title: f.metric ? "" : "explore(..., reference=...) gives one" }, this.score, f.metric ? "search score" : "search score (needs a reference)"), this.scores)
    this.path = h("input", { type: "text", value: "candidate.json", spellcheck: false, "aria-label": "candidate file" })
    this.saver = button("Save", "write the chosen candidate into this file", () => this.file("save"))
    this.message = h("span", { class: "ad-said", role: "status" })
    const files = h("div", { class: "ad-files" }, field("file", this.path, "a path on the machine of the kernel"), this.saver,
      button("Load", "read a candidate from this file", () => this.file("load")), this.message)
    this.path.addEventListener("input", () => this.say(""))
    this.busy = h("div", { class: "ad-busy", role: "status" })
    this.root = h("div", { class: "ad-explorer", "data-lm-suppress-shortcuts": "true", style: `--ad-n: ${f.n}; --ad-aspect: ${f.aspect}` },
      this.bar, this.lines, this.busy, this.rows, this.grid, panel, files)
    // keys are for the explorer, not for the notebook around it
    this.root.addEventListener("keydown", e => e.stopPropagation())
    this.lines.addEventListener("dblclick", e => this.add_at(e))
    el.append(this.root)
  }

  file(kind) {
    this.push()
    this.model.send({ kind, path: this.path.value, replace: this.saver.dataset.replace == this.path.value })
  }
  say(text, wrong = false, replace = "") {
    this.message.textContent = text
    this.message.classList.toggle("ad-wrong", wrong)
    this.saver.textContent = replace ? "Replace it" : "Save"
    this.saver.dataset.replace = replace
  }
  toggle_second() {
    if (this.s.candidates.length == 1) this.s.candidates.push(structuredClone(this.s.candidates[0]))
    else this.s.candidates.splice(this.s.active, 1)
    this.s.active = this.s.candidates.length - 1
    this.commit()
  }
  activate(i) {
    if (this.s.active == i) return
    this.s.active = i
    this.commit()
  }

  // in the widest gap, as the axis shows it
  add() {
    const a = this.scale, c = this.candidate, xs = [MARGIN, ...c.steps.map(s => a.x(s.t)), a.width - MARGIN]
    let widest = 0
    xs.forEach((x, k) => { if (k && x - xs[k - 1] > xs[widest + 1] - xs[widest]) widest = k - 1 })
    this.added(insert(c, a.t((xs[widest] + xs[widest + 1]) / 2), a.last))
  }
  add_at(e) {
    const box = this.lines.getBoundingClientRect(), i = Math.floor((e.clientY - box.top) / LINE)
    if (!this.s.candidates[i]) return
    this.s.active = i
    this.added(insert(this.candidate, this.scale.t(e.clientX - box.left), this.scale.last))
  }
  added(k) {
    if (k < 0) return
    mend(this.candidate)
    this.chosen[this.s.active] = k
    this.commit()
    this.focus(this.s.active, k)
  }
  drop() {
    const i = this.s.active, c = this.candidate
    remove(c, Math.min(this.chosen[i], c.steps.length - 1))
    this.chosen[i] = Math.min(this.chosen[i], c.steps.length - 1)
    this.commit()
  }
  focus(i, k) { this.lines.querySelector(`[data-step="${i},${k}"]`)?.focus() }

  // ---- the time line ----

  draw() {
    const s = this.s
    this.width = Math.max(this.root.clientWidth, 200)
    this.scale = new Axis(this.fixed, s.axis, this.width)
    this.sampler.value = this.candidate.sampler
    this.seed.value = s.seed
    this.guidance.value = s.guidance
    this.axis.value = s.axis
    this.score.checked = s.score
    this.count.textContent = this.candidate.steps.length
    this.tabs.replaceChildren(...s.candidates.length < 2 ? [] : s.candidates.map((_, i) => h("button",
      { type: "button", role: "tab", class: `ad-tab ad-${LETTERS[i]}`, "aria-selected": String(i == s.active), onclick: () => this.activate(i) }, LETTERS[i])))
    this.second.textContent = s.candidates.length == 1 ? "compare two" : `remove ${LETTERS[s.active]}`
    this.draw_lines()
    this.draw_grid()
    this.draw_state()
  }

  draw_lines() {
    const { s, scale } = this, bottom = LINE * s.candidates.length
    const held = this.root.getRootNode().activeElement?.dataset?.step
    this.lines.setAttribute("width", this.width)
    this.lines.setAttribute("height", bottom + 38)
    // a handle that is being dragged must stay the element that it is
    this.lines.querySelectorAll(":scope > .ad-back").forEach(e => e.remove())
    const back = g("g", { class: "ad-back" })
    for (const [x, v] of scale.ticks()) back.append(
      g("path", { class: "ad-tick", d: `M${x} ${bottom - 8}v7` }), g("text", { x, y: bottom + 12 }, String(v).replace("-", "−")))
    back.append(g("path", { class: "ad-axis", d: `M${MARGIN} ${bottom - 8}H${this.width - MARGIN}` }),
      g("text", { x: MARGIN, y: bottom + 30, class: "ad-end" }, "noise"),
      g("text", { x: this.width / 2, y: bottom + 30 }, `${s.axis == "t" ? "training step" : "log-SNR"}${this.width > 500 ? " (short marks: uniform steps)" : ""}`),
      g("text", { x: this.width - MARGIN, y: bottom + 30, class: "ad-end ad-right" }, "clean image"))
    this.lines.prepend(back)
    s.candidates.forEach((c, i) => this.draw_line(back, c, i))
    const wanted = new Set(s.candidates.flatMap((c, i) => c.steps.map((_, k) => `${i},${k}`)))
    this.lines.querySelectorAll("[data-step]").forEach(e => { if (!wanted.has(e.dataset.step)) e.remove() })
    if (held && wanted.has(held)) this.focus(...held.split(","))
  }

  draw_line(back, c, i) {
    const { scale } = this, y = LINE * i + 36, name = `ad-line ad-${LETTERS[i]}`
    back.append(g("path", { class: name, d: `M${MARGIN} ${y}H${this.width - MARGIN}` }))
    if (this.s.candidates.length > 1) back.append(g("text", { x: 4, y: y + 5, class: `ad-letter ad-${LETTERS[i]}` }, LETTERS[i]))
    // where uniform steps are, for comparison
    const n = c.steps.length
    for (let k = 0; k < n; k++) {
      const t = k * Math.floor(this.fixed.n_train / n)
      back.append(g("path", { class: "ad-uniform", d: `M${scale.x(t)} ${y + 6}v6` }, g("title", {}, `uniform: ${t}`)))
    }
    if (c.t_end >= 0) back.append(g("path", { class: "ad-stop", d: `M${scale.x(c.t_end)} ${y - 10}v20` }, g("title", {}, `sampling ends at ${c.t_end}`)))
    let labelled = -Infinity
    c.steps.forEach((step, k) => {
      const x = scale.x(step.t), focused = this.dragged == `${i},${k}`
      const label = focused || x - labelled > 30
      if (label) labelled = x
      this.draw_handle(c, i, k, x, y, label)
    })
  }

  draw_handle(c, i, k, x, y, label) {
    let e = this.lines.querySelector(`[data-step="${i},${k}"]`)
    if (!e) {
      e = g("g", { "data-step": `${i},${k}`, tabindex: 0, role: "slider", onpointerdown: o => this.grab(o, i, k), onkeydown: o => this.key(o, i, k),
        onfocus: () => { this.chosen[i] = k; this.activate(i) } },
        g("circle", { class: "ad-reach", r: 17 }), g("circle", { class: "ad-dot", r: 8 }), g("text", { y: -15 }))
      this.lines.append(e)
    }
    const step = c.steps[k], [low, high] = limits(c, k, this.scale.last)
    const lists = [["skip", "skips"], ["reuse", "reuses"]].filter(([o]) => step[o].length).map(([o, verb]) => `${verb} ${step[o].length} blocks`)
    const words = [`${step.t}`, `log-SNR ${this.fixed.log_snr[Math.round(step.t)].toFixed(1)}`, ...lists, ...step.guided ? [] : ["without guidance"]].join(", ")
    for (const [name, v] of Object.entries({ transform: `translate(${x} ${y})`, "aria-valuenow": step.t, "aria-valuemin": low, "aria-valuemax": high,
      "aria-label": `step ${k + 1} of ${c.steps.length}${this.s.candidates.length > 1 ? ` of ${LETTERS[i]}` : ""}`, "aria-valuetext": words,
      class: `ad-handle ad-${LETTERS[i]}${step.skip.length || step.reuse.length ? " ad-lists" : ""}${label ? "" : " ad-bare"}` })) e.setAttribute(name, v)
    e.lastChild.textContent = step.t
  }

  // Of handles that lie on one another, the one is taken that can go where the hand goes.
  grab(event, i, k) {
    event.preventDefault()
    const e = event.currentTarget, box = this.lines.getBoundingClientRect(), c = this.s.candidates[i]
    const x = j => this.scale.x(c.steps[j].t), start = event.clientX, heap = c.steps.map((_, j) => j).filter(j => Math.abs(x(j) - x(k)) < 8)
    const off = start - box.left - x(k)
    let taken = heap.length > 1 ? null : k
    this.focus(i, k)
    this.dragged = `${i},${k}`
    e.setPointerCapture(event.pointerId)
    const moved = o => {
      if (taken == null && Math.abs(o.clientX - start) > 1) {
        taken = o.clientX < start ? heap[0] : heap.at(-1)
        this.focus(i, taken)
        this.dragged = `${i},${taken}`
      }
      if (taken == null) return
      const before = c.steps[taken].t
      move(c, taken, this.scale.t(o.clientX - box.left - off), this.scale.last)
      if (c.steps[taken].t != before) this.commit(true)
    }
    const ended = () => {
      e.removeEventListener("pointermove", moved)
      this.dragged = null
      this.draw()
      if (this.timer) this.push()
    }
    e.addEventListener("pointermove", moved)
    e.addEventListener("lostpointercapture", ended, { once: true })
  }

  // arrows move as the line shows it: to the right is towards the clean image
  key(event, i, k) {
    const c = this.s.candidates[i], far = event.shiftKey ? 10 : 1
    const by = { ArrowLeft: 1, ArrowUp: 1, ArrowRight: -1, ArrowDown: -1, PageUp: 50, PageDown: -50 }[event.key]
    if (by) move(c, k, c.steps[k].t + by * (Math.abs(by) == 1 ? far : 1), this.scale.last)
    else if (event.key == "Delete" || event.key == "Backspace") {
      this.chosen[i] = k
      this.drop()
      this.focus(i, Math.min(k, c.steps.length - 1))
      return event.preventDefault()
    }
    else if (event.key == "Insert" || event.key == "+") {
      const next = k + 1 < c.steps.length ? c.steps[k + 1].t : 0
      this.added(insert(c, Math.round((c.steps[k].t + next) / 2), this.scale.last))
      return event.preventDefault()
    }
    else return
    event.preventDefault()
    this.commit(true)
  }

  // ---- blocks: a row for each step, a column for each block ----

  draw_grid() {
    const blocks = this.fixed.blocks, c = this.candidate
    if (!blocks.length) return
    const held = this.root.getRootNode().activeElement?.dataset?.cell
    const head = h("tr", {}, h("th", { scope: "col" }, "step"), ...blocks.map((b, i) => h("th", { scope: "col", title: `${b.name}, ${b.kind}: ${per_cent(b.share)} of a step` }, i)), h("th", { scope: "col", class: "ad-cost" }, "cost"))
    const rows = c.steps.map((step, k) => h("tr", {}, h("th", { scope: "row" }, step.t),
      ...blocks.map((b, i) => h("td", {}, this.cell(c, k, i))), h("td", { class: "ad-cost", "data-cost": k })))
    const unit = this.fixed.units.length < 2 ? "" : h("select", { "aria-label": "unit of the cost", onchange: e => { this.s.unit = e.target.value; this.commit() } },
      ...this.fixed.units.map(u => h("option", { value: u, selected: u == this.s.unit }, u)))
    const legend = h("div", { class: "ad-legend" }, h("b", {}, this.s.candidates.length > 1 ? `blocks of ${LETTERS[this.s.active]}` : "blocks"), ...["run", "skip", "reuse"].map(o => h("span", {}, h("i", { class: `ad-key ad-${o}` }), o)),
      unit, h("span", { class: "ad-sum" }))
    this.grid.className = `ad-blocks ad-${LETTERS[this.s.active]}`
    this.grid.replaceChildren(legend, h("div", { class: "ad-scroll" }, h("table", {}, h("thead", {}, head), h("tbody", {}, ...rows))))
    if (held) this.grid.querySelector(`[data-cell="${held}"]`)?.focus()
    this.draw_costs()
  }
  cell(c, k, block) {
    const state = state_of(c.steps[k], block), b = this.fixed.blocks[block]
    const keys = e => {
      const [dk, db] = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[e.key] ?? []
      if (dk == null) return
      e.preventDefault()
      this.grid.querySelector(`[data-cell="${k + dk},${block + db}"]`)?.focus()
    }
    return h("button", { type: "button", class: `ad-${state}`, "data-cell": `${k},${block}`, tabindex: k + block ? -1 : 0, onkeydown: keys,
      "aria-label": `step ${c.steps[k].t}, block ${block}: ${state}`, title: `${b.name} at ${c.steps[k].t}: ${state}`,
      onclick: () => { next_state(c, k, block); this.commit() } })
  }
  draw_costs() {
    const found = this.shown.blocks[this.s.active], unit = { macs: "MACs", ms: "milliseconds" }[this.s.unit]
    const fresh = this.shown.request == this.s.request
    this.grid.classList.toggle("ad-old", !fresh)
    if (!found) return
    found.costs.forEach((share, k) => {
      const e = this.grid.querySelector(`[data-cost="${k}"]`)
      e?.replaceChildren(h("span", { class: "ad-bar-of", style: `--share: ${share}` }), per_cent(share))
    })
    const change = found.change == null ? "" : `; images differ by ${found.change.toFixed(1)} of 255 grey levels (RMS) from those of all blocks`
    this.grid.querySelector(".ad-sum").textContent = `${per_cent(found.total)} of the ${unit}${change}`
  }

  // ---- what Python has worked out ----

  receive(m, buffers) {
    this.shown = m
    for (const row of m.rows) {
      if (row.image == null) continue
      if (this.strips.has(row.name)) URL.revokeObjectURL(this.strips.get(row.name))
      this.strips.set(row.name, URL.createObjectURL(new Blob([buffers[row.image]], { type: "image/png" })))
    }
    this.draw_rows()
    this.draw_costs()
    this.draw_state()
  }
  draw_rows() {
    const names = this.shown.rows.map(row => row.name).join("\n")
    if (names != this.row_names) this.rows.replaceChildren(...this.shown.rows.map(row => this.make_row(row)))
    this.row_names = names
    this.shown.rows.forEach((row, k) => this.fill_row(this.rows.children[k], row))
  }
  make_row(row) {
    const n = this.fixed.n, at = i => `background-position: ${n > 1 ? 100 * i / (n - 1) : 0}% 0`
    return h("div", { class: `ad-row ${LETTERS.includes(row.name) ? `ad-${row.name}` : ""}`, "data-row": row.name },
      h("div", { class: "ad-name" }, h("b"), h("span"), h("span", { class: "ad-wrong" })),
      h("div", { class: "ad-strip", role: "img" }, ...Array.from({ length: n }, (_, i) => h("i", { style: at(i) }))))
  }
  fill_row(e, row) {
    const [title, note, wrong] = e.firstChild.children, url = this.strips.get(row.name)
    title.textContent = row.title
    note.textContent = row.note
    wrong.textContent = row.wrong
    e.dataset.done = String(row.done)
    e.lastChild.setAttribute("aria-label", `${this.fixed.n} images of ${row.title}`)
    for (const image of e.lastChild.children) image.style.backgroundImage = url ? `url(${url})` : ""
  }
  draw_state() {
    const waiting = this.shown.request != this.s.request
    this.root.dataset.request = this.s.request
    this.root.dataset.done = String(!waiting && !this.shown.busy)
    this.rows.classList.toggle("ad-old", waiting)
    this.busy.textContent = this.shown.wrong ? "" : waiting ? "drawing ..." : this.shown.busy
    if (this.shown.wrong) this.busy.replaceChildren(h("span", { class: "ad-wrong" }, this.shown.wrong))
    const scores = this.s.score ? this.shown.scores : []
    this.scores.classList.toggle("ad-old", waiting)
    this.scores.replaceChildren(...scores.map(o => h("div", {}, h("b", { class: `ad-${o.name}` }, o.name), h("span", { class: "ad-value" }, o.value),
      h("span", {}, o.verdicts.join("; ")))), scores.length ? h("div", { class: "ad-note" }, this.shown.score_note) : "")
  }
}

export default {
  render({ model, el }) {
    const view = new View(model, el)
    return () => view.close()
  }
}
