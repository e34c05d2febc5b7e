// Shows the copy buttons of a feed page where the browser can copy, and makes them work.
// Without this script, or without the right to copy, the addresses are there to be selected.
"use strict";

// For pages whose template names no words.
const NOT_COPIED = "Your browser did not let us copy. Please select the address and copy it.";

const copied = document.getElementById("copied");

async function copy(button) {
  const address = document.getElementById(button.dataset.copies).textContent;
  // Emptied first, so that the same sentence is announced a second time.
  copied.textContent = "";
  try {
    await navigator.clipboard.writeText(address);
    copied.textContent = button.dataset.copied ?? `The ${button.dataset.name} address is copied.`;
  } catch {
    copied.textContent = button.dataset.failed ?? NOT_COPIED;
  }
}

if (copied && navigator.clipboard) {
  for (const button of document.querySelectorAll("button[data-copies]")) {
    button.addEventListener("click", () => copy(button));
    button.hidden = false;
  }
}
