// Shows a text that a model wrote: paragraphs, `code` and fenced code; all else, markup too, is shown as it is written.

import { element } from "./dom.js";

const FENCED = /^```[^\n]*\n([\s\S]*?)(?:^```[ \t]*$|(?![\s\S]))/m;
const INLINE = /`([^`\n]+)`/;

export function prose(text) {
  // What a split by a group gives is by turns beside it and in it.
  return text.split(FENCED).flatMap((part, place) => (place % 2 ? [listing(part)] : paragraphs(part)));
}

function listing(code) {
  return element("pre", { tabIndex: 0, role: "group", "aria-label": "Code" }, element("code", {}, code.trimEnd()));
}

function paragraphs(text) {
  const found = text.split(/\n\s*\n/).map((paragraph) => paragraph.trim());
  return found.filter(Boolean).map((paragraph) => element("p", {}, ...spans(paragraph)));
}

function spans(text) {
  return text.split(INLINE).map((part, place) => (place % 2 ? element("code", {}, part) : part));
}
