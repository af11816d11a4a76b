// Elements. Text from the server becomes text nodes only, so nothing in it is ever read as HTML.

export const byId = (id) => document.getElementById(id);

// An element with attributes and children; a string becomes a text node, null and false are left out.
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function option(value, text, selected = false) {
  return el("option", { value, selected }, text);
}

// Select a value; one that is not offered (from a link) is added, and the server says what is wrong with it.
export function choose(select, value) {
  if (![...select.options].some((one) => one.value === value)) select.append(option(value, value));
  select.value = value;
}

// A status line: a plain note, or an error. Emptied and filled again, so that the same words are announced twice.
export function say(line, text, failed = false) {
  line.textContent = "";
  line.classList.toggle("failed", failed);
  line.append(text);
}

// Copy `text`; without a clipboard (a page that is not over HTTPS) `shown` is selected for Ctrl+C instead.
export async function copy(text, button, shown) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(shown);
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}

// In a field letters are text, not shortcuts.
export function typing(target) {
  return target.matches("textarea, select, input:not([type=checkbox])");
}
