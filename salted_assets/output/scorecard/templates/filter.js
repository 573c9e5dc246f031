(() => {
  const agents = document.getElementById("table");
  const team = document.getElementById("team"), name = document.getElementById("name");
  const shown = document.getElementById("shown");
  const show = () => {
    const wanted = name.value.trim().toLowerCase(), rows = [...agents.tBodies[0].rows];
    let count = 0;
    for (const row of rows) {
      const fits = (!team.value || row.dataset.team === team.value) && row.cells[0].textContent.toLowerCase().includes(wanted);
      row.hidden = !fits;
      count += fits;
    }
    shown.textContent = `${count} of ${rows.length} agents`;
  };
  team.addEventListener("change", show);
  name.addEventListener("input", show);
  show();
})();
