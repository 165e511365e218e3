"use strict";
(() => {
  const all = (selector, root) => [...(root || document).querySelectorAll(selector)];

  // Sorting: within each panel, because only there do the lines of a column share a protocol.
  for (const body of all("article.table tbody")) {
    all("tr.line", body).forEach((line, place) => { line.dataset.place = place; });
  }

  const key = (line, column) => line.cells[column].dataset.sort;

  const compare = (a, b) => {
    const x = Number(a), y = Number(b);
    if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
    return a.localeCompare(b, "en", { numeric: true });
  };

  const sort = (button) => {
    const head = button.closest("th"), table = button.closest("table");
    const column = [...head.parentNode.children].indexOf(head);
    const order = button.dataset.first === "down" ? ["descending", "ascending"] : ["ascending", "descending"];
    const next = order[order.indexOf(head.getAttribute("aria-sort")) + 1] || null;
    all("th[aria-sort]", table).forEach((other) => other.removeAttribute("aria-sort"));
    if (next) head.setAttribute("aria-sort", next);
    const sign = next === "descending" ? -1 : 1;
    for (const body of all("tbody", table)) {
      const lines = all("tr.line", body);
      lines.sort((a, b) => {
        const back = Number(a.dataset.place) - Number(b.dataset.place);
        if (!next) return back;
        const x = key(a, column), y = key(b, column);
        if (x === "" || y === "") return (x === "") - (y === "") || back;  // what has no value stays last
        return sign * compare(x, y) || back;
      });
      body.append(...lines);
    }
  };

  for (const button of all("button.sort")) button.addEventListener("click", () => sort(button));

  // Filtering: real data is what everything is held against, so it stays.
  const choices = all(".filter button");

  const hidden = (element, shown) => {
    const kind = element.dataset.kind;
    return Boolean(shown && kind && kind !== "real" && kind !== shown);
  };

  const filter = (shown) => {
    for (const choice of choices) choice.setAttribute("aria-pressed", String(choice.dataset.show === shown));
    for (const element of all("main [data-kind]")) element.hidden = hidden(element, shown);
    for (const article of all("article.table")) {
      for (const body of all("tbody", article)) {
        body.hidden = !all("tr.line", body).some((line) => !line.hidden);
      }
      const named = all("tr.line[data-kind], thead [data-kind]", article).filter((e) => e.dataset.kind !== "real");
      article.hidden = named.length > 0 && named.every((element) => element.hidden);
    }
    const lines = all("article.table tr.line");
    const left = lines.filter((line) => !line.hidden && !line.closest("article").hidden).length;
    document.getElementById("count").textContent = shown ? `${left} of ${lines.length} lines` : "";
  };

  for (const choice of choices) choice.addEventListener("click", () => filter(choice.dataset.show));

  // The chapter that is being read.
  const links = new Map(all("nav a").map((link) => [link.getAttribute("href").slice(1), link]));
  const chapters = all("main > section[id]").filter((chapter) => links.has(chapter.id));
  const mark = () => {
    const passed = chapters.filter((chapter) => chapter.getBoundingClientRect().top < 120);
    const current = passed.length ? passed[passed.length - 1].id : "top";
    for (const [id, link] of links) link.toggleAttribute("aria-current", id === current);
  };
  addEventListener("scroll", mark, { passive: true });
  mark();
})();
