'use strict';

/* Headings of the standings sort the rows. */

function makeSortable(table, status) {
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const body = table.tBodies[0];
  heads.forEach((head, column) => {
    head.querySelector('button').addEventListener('click', () => {
      const current = head.getAttribute('aria-sort');
      const order = current === 'none' ? head.dataset.first : current === 'ascending' ? 'descending' : 'ascending';
      for (const other of heads) other.setAttribute('aria-sort', other === head ? order : 'none');
      body.append(...sortedRows([...body.rows], column, order === 'ascending' ? 1 : -1));
      status.textContent = `Sorted by ${head.textContent.trim()}, ${order}`;
    });
  });
}

/** Rows sorted by the value of a column; rows without a value come last in either direction. */
function sortedRows(rows, column, sign) {
  const number = (text) => (text === undefined || text === '' ? null : Number(text));
  const textual = rows.length > 0 && rows[0].cells[column].classList.contains('name');
  const compare = textual
    ? (a, b) => sign * a.localeCompare(b, 'en', { numeric: true })
    : (a, b) => {
      const [first, second] = [number(a), number(b)];
      if (first === null || second === null) return (first === null) - (second === null);
      return sign * (first - second);
    };
  return rows.map((row) => [row.cells[column].dataset.value, row])
    .sort(([a], [b]) => compare(a, b))
    .map(([, row]) => row);
}
