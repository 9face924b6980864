/* What can be done with a case stays in view beside what is read of it, where the window has room for the whole of it. */
(function () {
  "use strict";

  var panel = document.querySelector(".case__panel");
  if (!panel) return;

  function place() {
    panel.classList.remove("case__panel--stays");
    panel.classList.toggle("case__panel--stays", panel.offsetHeight <= window.innerHeight);
  }

  place();
  window.addEventListener("load", place); // the fonts may have changed its height
  window.addEventListener("resize", place);
})();
