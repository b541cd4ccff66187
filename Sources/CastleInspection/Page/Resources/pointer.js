function tip(html, event) {
  $("tip").innerHTML = html;
  $("tip").hidden = false;
  const { width, height } = $("tip").getBoundingClientRect();
  const x = event.clientX + 16 + width > innerWidth ? event.clientX - width - 12 : event.clientX + 16;
  const y = event.clientY + 16 + height > innerHeight ? event.clientY - height - 12 : event.clientY + 16;
  Object.assign($("tip").style, { left: `${Math.max(4, x)}px`, top: `${Math.max(4, y)}px` });
}

function table(rows) {
  const cells = rows.map(([name, value]) => `<tr><td>${name}</td><td>${value}</td></tr>`);
  return `<table>${cells.join("")}</table>`;
}

function hover(row, column, event, rowIsTime) {
  const { head } = state;
  if (rowIsTime) {
    const terms = head.keysOverTime(state.query);
    tip(`key of ${marked(column)}, having read up to ${marked(row)}${table([
      [`term for ${escaped(quoted(state.query))}`, shown(terms.at(row, column), 3)],
      ["gate for this token", row === column ? "–" : shown(head.gates.at(row, column), 2)]])}`, event);
    return setCursors({ over: { row, column }, time: row });
  }
  const rows = [["attention", percent(head.attention.at(row, column))]];
  if (head.causal) rows.push(["causal score", shown(head.causal.at(row, column), 3)]);
  if (head.lookahead) {
    rows.push(["lookahead term", shown(head.lookahead.at(row, column), 3)]);
    rows.push(["score", shown(head.score(row, column), 3)]);
    rows.push(["attention without it", percent(head.withoutLookahead.at(row, column))]);
  }
  tip(`${numbered(row)} attends to ${numbered(column)}${table(rows)}`, event);
  setCursors({ pair: { row, column } });
}

function hoverTime(time, event) {
  const { head, key } = state;
  const rows = queries().filter((query) => time <= query).map((query) => {
    const base = state.asScore ? (head.causal?.at(query, key) ?? 0) : 0;
    return [`for ${escaped(quoted(query))}`, shown(base + head.keysOverTime(query).at(time, key), 3)];
  });
  const gate = time === key ? "its own token" : `gate ${shown(head.gates.at(time, key), 2)}`;
  tip(`after ${numbered(time)}, ${gate}${table(rows)}`, event);
  setCursors({ time });
}

function hoverDistance(distance, event) {
  const named = state.lines.filter((line) => !line.isFaint);
  const rows = named.map((line) => [line.name, shown(line.values[distance], 3)]);
  tip(`${distance} tokens apart, mean${table(rows)}`, event);
}

function hoverToken(token, event) {
  const value = colorings[state.coloring][1](state.head.keysOverTime(state.query))(token);
  const known = value === null ? "" : `<br>${colorings[state.coloring][0]}: ${shown(value, 3)}`;
  tip(`${numbered(token)}${known}`, event);
}

function unhover() {
  $("tip").hidden = true;
  setCursors({});
}

function setCursors({ pair = null, over = null, time = null }) {
  for (const name of ["attention", "causal", "lookahead"]) maps[name].setCursor(pair);
  maps.overTime.setCursor(over);
  if (state.head?.lookahead) curves.setCursor(time);
}
