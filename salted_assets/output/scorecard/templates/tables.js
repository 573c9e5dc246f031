// tables of the class sortable sort by a click on a heading
(() => {
  const value = (row, n) => row.cells[n].dataset.sort;
  const compare = (a, b) => {
    if (a === "" || b === "") return a === b ? 0 : null;
    const difference = Number(a) - Number(b);
    return Number.isNaN(difference) ? a.localeCompare(b) : difference;
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const rows = [...table.tBodies[0].rows];
    table.tHead.addEventListener("click", event => {
      const heading = event.target.closest("th");
      if (!heading) return;
      const n = heading.cellIndex, isText = heading.classList.contains("text");
      // texts from A first, numbers from the largest; then the other way
      const sign = heading.ariaSort === (isText ? "ascending" : "descending") ? (isText ? -1 : 1) : (isText ? 1 : -1);
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      heading.ariaSort = sign === 1 ? "ascending" : "descending";
      rows.sort((a, b) => {
        const order = compare(value(a, n), value(b, n));
        // rows without a figure come last, whichever way
        return order === null ? (value(a, n) === "") - (value(b, n) === "") : sign * order;
      });
      table.tBodies[0].append(...rows);
    });
  }
})();
