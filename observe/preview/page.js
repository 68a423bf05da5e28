// Shows one dashboard at a time and draws its graphs when they come into view for the first time.
"use strict";

const boards = Array.from(document.querySelectorAll("article"));
const links = Array.from(document.querySelectorAll("nav a"));

function draw(board) {
  const text = document.getElementById(board.dataset.figures).textContent;
  board.figures ??= JSON.parse(text);
  for (const place of board.querySelectorAll(".chart:not(.js-plotly-plot)")) {
    if (place.offsetParent === null) continue; // in a row that is closed
    const figure = board.figures[place.dataset.figure];
    Plotly.newPlot(place, figure.data, figure.layout, { displayModeBar: false, responsive: true });
  }
}

function wanted() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

function show() {
  const chosen = boards.find((board) => board.dataset.uid === wanted()) ?? boards[0];
  boards.forEach((board, place) => {
    board.hidden = board !== chosen;
    links[place].toggleAttribute("aria-current", board === chosen);
  });
  if (!chosen) return;
  document.title = chosen.querySelector("h1").textContent;
  window.scrollTo(0, 0);
  draw(chosen);
}

for (const board of boards) {
  for (const row of board.querySelectorAll("details")) row.addEventListener("toggle", () => draw(board));
}
window.addEventListener("hashchange", show);
show();
