/** Rows of results as text: aligned tables, and what `--format` makes of them. */
import { encodeJson } from "./template/functions.ts";
import { headingOf } from "./template/heading.ts";
import { printValue } from "./template/print.ts";
import { compileTemplate, type Template } from "./template/template.ts";

/** podman's columns: at least this wide, and this far apart. */
const minWidth = 12;
const gap = 2;

/** Aligned lines, each ended by a newline; a column is as wide as its widest cell. */
export function renderTable(
  rows: readonly (readonly string[])[],
  header?: readonly string[],
): string {
  const lines = header ? [header, ...rows] : rows;
  const widths = columnWidths(lines);
  return lines.map((cells) => `${alignLine(cells, widths)}\n`).join("");
}

/** The last cell of a line does not widen its column, since nothing follows it (Go's tabwriter). */
function columnWidths(lines: readonly (readonly string[])[]): number[] {
  const widths: number[] = [];
  for (const cells of lines) {
    for (const [column, cell] of cells.slice(0, -1).entries()) {
      widths[column] = Math.max(widths[column] ?? minWidth, Bun.stringWidth(cell) + gap);
    }
  }
  return widths;
}

function alignLine(cells: readonly string[], widths: readonly number[]): string {
  const padded = cells.map((cell, column) => {
    return cell + " ".repeat(Math.max((widths[column] ?? 0) - Bun.stringWidth(cell), 0));
  });
  return padded.join("").trimEnd();
}

/** A column of a table: its heading, and the template of its cells. */
export interface Column {
  readonly header: string;
  readonly template: string;
}

/** What a format may name of a row, and how it is made. */
export type Fields<Row> = Readonly<Record<string, (row: Row) => unknown>>;

/** What a listing command hands over. */
export interface Listing<Row extends object = object> {
  /** Rows may have own getters; only those that a format names are called. */
  readonly rows: readonly Row[];
  /** Instead of the rows' own properties. */
  readonly fields?: Fields<Row>;
  /** The table that is printed without a format. */
  readonly columns: readonly Column[];
  /** As typed: `json`, `table TEMPLATE`, `TEMPLATE`; `table` alone, "" and undefined: the columns. */
  readonly format?: string | undefined;
  /** Headings of fields in `table TEMPLATE`, besides those of columns that show just one field. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly noHeading?: boolean | undefined;
  /** What `--format json` prints, where that is not the rows. */
  readonly json?: () => unknown;
}

/** The text to print, ended by a newline unless it is empty. */
export function formatRows<Row extends object>(listing: Listing<Row>): string {
  const format = listing.format?.trimStart() ?? "";
  if (format.trimEnd() === "json") {
    return `${encodeJson(listing.json ? listing.json() : objects(listing), 4)}\n`;
  }
  const table = /^table(?=$|\s|\\t|\{\{)(?:\s|\\t)*/.exec(format)?.[0];
  if (format === "" || table === format) return columnsTable(listing);
  return table === undefined
    ? plainRows(listing.format ?? "", listing)
    : fieldsTable(format.slice(table.length), listing);
}

function columnsTable<Row extends object>(listing: Listing<Row>): string {
  const { rows, columns, noHeading } = listing;
  const cells = columns.map((column) => cellsOf(column, listing));
  const lines = rows.map((row) => cells.map((cell) => printable(cell(row))));
  return renderTable(lines, noHeading ? undefined : columns.map(({ header }) => header));
}

/**
 * How a column's cells are made. Most show one field, and need neither a template nor an object of all
 * fields: with those a `ps` of a thousand containers takes twice as long.
 */
function cellsOf<Row extends object>(
  { template }: Column,
  { fields }: Listing<Row>,
): (row: Row) => string {
  const name = oneField(template) ?? "";
  const field = fields?.[name];
  if (field !== undefined) return (row) => printValue(field(row));
  let compiled: Template | undefined;
  return (row) => {
    if (fields === undefined && Object.hasOwn(row, name))
      return printValue((row as Record<string, unknown>)[name]);
    compiled ??= compileTemplate(template);
    return compiled.render(objectOf(row, fields));
  };
}

/** The name in `{{.Name}}`. */
const oneField = (template: string) => /^\{\{\s*\.(\w+)\s*\}\}$/.exec(template)?.[1];

function objects<Row extends object>({ rows, fields }: Listing<Row>): object[] {
  return rows.map((row) => objectOf(row, fields));
}

/** For templates, which reach own properties only. */
function objectOf<Row extends object>(row: Row, fields: Fields<Row> | undefined): object {
  if (fields === undefined) return row;
  const made = {};
  for (const [name, field] of Object.entries(fields))
    Object.defineProperty(made, name, { get: () => field(row), enumerable: true });
  return made;
}

function fieldsTable<Row extends object>(text: string, listing: Listing<Row>): string {
  const template = compileTemplate(text, { blanksAreTabs: true });
  const headers = headersByField(listing);
  const heading = headingOf(template.tree.main, (field) => headers.get(field) ?? spelledOut(field));
  const lines = rowTexts(template, text, objects(listing)).flatMap((row) => row.split("\n"));
  const cells = lines.map((line) => line.split("\t").map(printable));
  return renderTable(cells, listing.noHeading ? undefined : heading.trimEnd().split("\t"));
}

function plainRows<Row extends object>(text: string, listing: Listing<Row>): string {
  return rowTexts(compileTemplate(text), text.trimStart(), objects(listing))
    .map((row) => `${row}\n`)
    .join("");
}

/** One text for each row, without the newline at its end. */
function rowTexts(template: Template, text: string, rows: readonly object[]): string[] {
  // podman and docker wrap the format in a `range`, except where it brings its own.
  const hasOwnRange = /^\{\{-?\s*range\s+\.\s*-?\}\}/.test(text);
  if (!hasOwnRange) return rows.map((row) => withoutNewline(template.render(row)));
  const all = withoutNewline(template.render(rows));
  return all === "" ? [] : [all];
}

function withoutNewline(text: string): string {
  return text.endsWith("\n") ? text.slice(0, -1) : text;
}

function headersByField<Row extends object>({
  columns,
  headers = {},
}: Listing<Row>): Map<string, string> {
  const byField = new Map<string, string>();
  for (const { header, template } of columns) {
    const field = oneField(template);
    if (field !== undefined) byField.set(field, header);
  }
  for (const [field, header] of Object.entries(headers)) byField.set(field, header);
  return byField;
}

/** `NetworkInterface` as `NETWORK INTERFACE`; `IPv6` and `PIDs` stay one word. */
function spelledOut(field: string): string {
  return field
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/([A-Z])([A-Z][a-z]{2})/g, "$1 $2")
    .toUpperCase();
}

/**
 * The text with everything escaped that would command a terminal or reorder its line: control
 * characters (C0, DEL, C1), line separators, and the overrides of writing direction, with which a
 * name can pass for another. Other Unicode stays.
 */
export function printable(text: string): string {
  return text.replace(
    /[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g,
    (char) => shortEscapes[char] ?? hexEscape(char.charCodeAt(0)),
  );
}

const shortEscapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function hexEscape(code: number): string {
  const hex = code.toString(16);
  return code < 0x100 ? `\\x${hex.padStart(2, "0")}` : `\\u${hex.padStart(4, "0")}`;
}
