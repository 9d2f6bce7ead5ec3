"use strict";
// Everything is readable without this script: it only recolours the map.
(() => {
  const chooser = document.getElementById("map-colour");
  const data = document.getElementById("map-data");
  if (chooser && data) {
    const colourings = JSON.parse(data.textContent);
    const points = document.getElementById("map-points");
    const legend = document.getElementById("map-legend");
    const key = (letter, meaning) => {
      const item = document.createElement("li");
      const svg = document.createElementNS(points.namespaceURI, "svg");
      const circle = document.createElementNS(points.namespaceURI, "circle");
      svg.setAttribute("viewBox", "0 0 10 10");
      for (const [name, value] of [["cx", 5], ["cy", 5], ["r", 3], ["class", letter]]) {
        circle.setAttribute(name, value);
      }
      svg.append(circle);
      item.append(svg, meaning);
      return item;
    };
    const recolour = () => {
      const chosen = colourings[Number(chooser.value)];
      Array.from(points.children).forEach((circle, i) => {
        circle.setAttribute("class", chosen.letters[i]);
      });
      legend.replaceChildren(...chosen.legend.map(([letter, meaning]) => key(letter, meaning)));
      const label = points.getAttribute("aria-label");
      points.setAttribute("aria-label", label.replace(/coloured by .*/, `coloured by ${chosen.name}`));
    };
    chooser.addEventListener("change", recolour);
    recolour();
  }
})();
