/* What htmx leaves to the page: that a request failed, the network or our system, is said and not passed over. */
(function () {
  "use strict";

  function tell(failed) {
    var note = document.getElementById("failed");
    if (note) note.hidden = !failed;
  }

  document.addEventListener("htmx:before:request", function () { tell(false); });
  document.addEventListener("htmx:error", function () { tell(true); });
  document.addEventListener("htmx:response:error", function (event) {
    tell(event.detail.ctx.response.status >= 500);
  });
})();
