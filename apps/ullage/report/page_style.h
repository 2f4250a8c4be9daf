// Style sheet and script of the HTML report. Both are part of the page: it loads nothing.
#pragma once

#include <string_view>

namespace ullage::app {

/// Colours keep their distance for the colour-blind (after Okabe and Ito), on both grounds.
inline constexpr std::string_view k_page_style = R"css(
:root { color-scheme: light dark; --ground: #ffffff; --ink: #1b1f24; --soft: #5b6570; --grid: #e3e7eb; --card: #f6f8fa;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #c98a00; --c4: #9a4d8a; --level: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14171a; --ink: #e8ebee; --soft: #9aa5b1; --grid: #2c3238; --card: #1c2024;
    --c0: #56b4e9; --c1: #f58b45; --c2: #2fc79a; --c3: #f0c040; --c4: #d88fc8; --level: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 860px; padding: 32px 24px 64px; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 16px; margin: 40px 0 2px; }
p { margin: 2px 0 8px; } .soft, figcaption { color: var(--soft); }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 20px 0 0; }
.tile { flex: 1 1 150px; background: var(--card); border-radius: 8px; padding: 12px 16px; }
.tile b { display: block; font-size: 22px; line-height: 1.25; font-weight: 600; }
.tile span { color: var(--soft); font-size: 13px; }
figure { margin: 8px 0 0; position: relative; } svg { width: 100%; height: auto; display: block; }
svg text { fill: var(--ink); font-size: 12px; } svg text.tick, svg text.title { fill: var(--soft); }
.grid { stroke: var(--grid); } .axis, .cursor { stroke: var(--soft); }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; } .level.line { stroke-dasharray: 6 4; stroke-width: 1.5; }
.line.s0 { stroke: var(--c0); } .line.s1 { stroke: var(--c1); } .line.s2 { stroke: var(--c2); } .line.level { stroke: var(--level); }
.line.thin { stroke-width: 1; }
.s0 { fill: var(--c0); } .s1 { fill: var(--c1); } .s2 { fill: var(--c2); } .s3 { fill: var(--c3); } .s4 { fill: var(--c4); }
.key.level { fill: var(--level); } path.line { fill: none; }
.tip { position: absolute; pointer-events: none; background: var(--card); border: 1px solid var(--grid); border-radius: 6px;
  padding: 6px 10px; font-size: 12px; display: none; white-space: nowrap; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; margin-top: 8px; }
th, td { text-align: right; padding: 5px 12px; border-bottom: 1px solid var(--grid); font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; padding-left: 0; } td.note { text-align: left; color: var(--soft); }
code { background: var(--card); padding: 1px 5px; border-radius: 4px; overflow-wrap: anywhere; }
.bad { color: var(--level); font-weight: 600; }
)css";

/// Shows the values under the pointer. The charts are complete without it.
inline constexpr std::string_view k_page_script = R"js(
for (const figure of document.querySelectorAll('figure')) {
  const source = figure.querySelector('script[type="application/json"]');
  if (!source) continue;
  const data = JSON.parse(source.textContent), svg = figure.querySelector('svg');
  const tip = figure.appendChild(document.createElement('div'));
  tip.className = 'tip';
  const cursor = svg.appendChild(document.createElementNS('http://www.w3.org/2000/svg', 'line'));
  cursor.setAttribute('class', 'cursor');
  cursor.setAttribute('visibility', 'hidden');
  const show = v => data.bytes ? (v / 1048576).toFixed(2) + ' MiB' : (100 * v).toFixed(2) + ' %';
  const at = (points, x) => points.reduce((a, b) => Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a)[1];
  svg.addEventListener('pointermove', event => {
    const box = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.width / box.width;
    const px = Math.min(Math.max((event.clientX - box.left) * scale, data.left), data.right);
    const x = (px - data.left) / (data.right - data.left) * data.max;
    for (const [name, value] of [['x1', px], ['x2', px], ['y1', data.top], ['y2', data.bottom]]) cursor.setAttribute(name, value);
    cursor.setAttribute('visibility', 'visible');
    tip.replaceChildren(document.createTextNode(Math.round(x).toLocaleString('en') + ' requests'));
    for (const line of data.lines) {
      if (!line.points.length) continue;
      tip.append(document.createElement('br'), line.name + ': ' + show(at(line.points, x)));
    }
    tip.style.display = 'block';
    const left = px / scale;
    tip.style.left = (left > box.width / 2 ? left - tip.offsetWidth - 12 : left + 12) + 'px';
    tip.style.top = data.top / scale + 'px';
  });
  svg.addEventListener('pointerleave', () => { tip.style.display = 'none'; cursor.setAttribute('visibility', 'hidden'); });
}
)js";

}  // namespace ullage::app
