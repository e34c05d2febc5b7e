// Loads the page anew when a file was saved and what it says was made again.
"use strict";

const shown = document.documentElement.dataset.generation;
const events = new EventSource("/events");

events.addEventListener("made", (event) => {
  if (event.data !== shown) {
    events.close();
    location.reload();
  }
});
