// One filter for the whole page, kept in its address. Whatever is about an agent, a team or a channel says so by
// data-agent, data-team and data-channel, and is hidden where another is chosen, or paler in a plot. A section of class
// "everyone" is never filtered, and says so.
(() => {
  const bar = document.getElementById("filter"), shown = document.getElementById("shown");
  const clear = document.getElementById("filter-clear"), tiles = document.getElementById("tiles");
  const names = ["team", "channel", "agent"];
  const selects = Object.fromEntries(names.map(name => [name, document.getElementById(`filter-${name}`)]));
  const scopes = JSON.parse(document.getElementById("scopes").textContent);
  const options = [...selects.agent.options].slice(1);
  const parts = [...document.querySelectorAll("main :is([data-agent], [data-team], [data-channel])")].filter(part => !bar.contains(part));

  const chosen = () => Object.fromEntries(names.map(name => [name, selects[name].value]));
  // what is about no single agent fits an agent whose team and channel it is about
  const fits = (part, wanted) => {
    const { agent, team, channel } = part.dataset;
    if (wanted.agent && agent !== undefined) return agent === wanted.agent;
    return (!wanted.team || team === undefined || team === wanted.team)
      && (!wanted.channel || channel === undefined || channel === wanted.channel);
  };

  const arrange = (plot, isFiltered) => {
    const { rows, step, fewest, top, bottom } = Object.fromEntries(Object.entries(plot.dataset).map(([name, value]) => [name, Number(value)]));
    const all = [...plot.querySelectorAll("[data-rank]")].sort((a, b) => a.dataset.rank - b.dataset.rank);
    const fitting = all.filter(row => isFiltered ? !row.classList.contains("out") : !row.classList.contains("kept-back"));
    const half = rows / 2, isCut = fitting.length > rows;
    const seen = new Set(isCut ? [...fitting.slice(0, half), ...fitting.slice(-half)] : fitting);
    const height = top + step * Math.max(fewest, seen.size);
    let place = 0;
    for (const row of all) {
      row.classList.toggle("gone", !seen.has(row));
      row.classList.toggle("seen", seen.has(row));
      if (seen.has(row)) row.setAttribute("transform", `translate(0 ${height - (place++ + .5) * step})`);
    }
    plot.querySelector(".frame").setAttribute("transform", `translate(0 ${height - bottom})`);
    plot.querySelector(".cut")?.classList.toggle("gone", isFiltered && !isCut);
    const [x, y, width] = plot.dataset.box.split(" ");
    plot.setAttribute("viewBox", `${x} ${y} ${width} ${Number(plot.dataset.box.split(" ")[3]) + height - bottom}`);
  };

  // what a point says when it is pointed at, for who taps or chooses it
  const figures = [...document.querySelectorAll("figure")];
  const say = (figure, point) => {
    const said = figure.querySelector(".said"), agent = point?.dataset.agent;
    said.textContent = point?.querySelector("title")?.textContent ?? "";
    // the table leads to an agent's page where there is one
    const page = agent && document.querySelector(`#table tr[data-agent="${CSS.escape(agent)}"] a[href]`);
    if (page) {
      const link = page.cloneNode();
      link.textContent = "page of the agent";
      said.append(". ", link);
    }
  };
  for (const figure of figures) figure.addEventListener("click", event => say(figure, event.target.closest("g[data-agent], g:has(> title)")));

  const showTiles = ({ team, channel, agent }) => {
    const [, , , figures] = scopes.find(scope => agent ? scope[2] === agent : !scope[2] && scope[0] === team && scope[1] === channel)
      ?? [, , , scopes[0][3].map(([, label]) => ["-", label, ""])];
    [...tiles.children].forEach((tile, n) => [...tile.children].forEach((part, place) => { part.textContent = figures[n][place]; }));
  };

  const show = () => {
    const wanted = chosen(), isFiltered = names.some(name => wanted[name]);
    const of = options.find(option => option.value === wanted.agent)?.dataset;
    const within = of ? { agent: wanted.agent, team: of.team, channel: of.channel } : wanted;
    for (const option of options) option.hidden = !fits({ dataset: { team: option.dataset.team, channel: option.dataset.channel } }, wanted);
    for (const part of parts) {
      const isFitting = !isFiltered || fits(part, within);
      if (part instanceof SVGElement) part.classList.toggle("out", !isFitting);
      else part.hidden = !isFitting;
      part.classList.toggle("chosen", isFitting && Boolean(wanted.agent) && part.dataset.agent === wanted.agent);
    }
    for (const plot of document.querySelectorAll(".plot[data-rows]")) arrange(plot, isFiltered);
    for (const nothing of document.querySelectorAll(".nothing")) {
      const rows = [...nothing.previousElementSibling.querySelectorAll("tbody tr")];
      nothing.hidden = !rows.length || rows.some(row => !row.hidden);
      const cut = nothing.nextElementSibling;
      if (cut?.classList.contains("cut")) cut.hidden = !isFiltered || !nothing.hidden;
    }
    for (const figure of figures) say(figure, figure.querySelector("g.chosen"));
    showTiles(wanted);
    document.body.classList.toggle("filtered", isFiltered);
    clear.hidden = !isFiltered;
    const count = options.filter(option => !option.hidden && (!wanted.agent || option.value === wanted.agent)).length;
    shown.textContent = isFiltered ? `${count} of ${options.length} agents` : "";
  };

  const remember = () => {
    const address = new URL(location.href);
    for (const name of names) {
      if (selects[name].value) address.searchParams.set(name, selects[name].value);
      else address.searchParams.delete(name);
    }
    history.replaceState(null, "", address);
    // the same people on the other cards
    for (const link of document.querySelectorAll("a.card")) link.search = address.search;
  };

  const change = name => {
    const own = selects.agent.selectedOptions[0].dataset, { team, channel } = chosen();
    if (name !== "agent" && ((team && own.team !== team) || (channel && own.channel !== channel))) selects.agent.value = "";
    show();
    remember();
  };

  const asked = new URLSearchParams(location.search);
  for (const name of names) {
    const wanted = asked.get(name);
    if ([...selects[name].options].some(option => option.value === wanted)) selects[name].value = wanted;
    selects[name].addEventListener("change", () => change(name));
  }
  clear.addEventListener("click", () => {
    for (const name of names) selects[name].value = "";
    change("team");
    selects.team.focus();
  });
  bar.hidden = false;
  show();
  remember();
})();
