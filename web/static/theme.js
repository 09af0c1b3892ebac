// Sets the chosen theme before the first paint, so that a dark page never flashes white.
(function () {
  try {
    var theme = JSON.parse(localStorage.getItem('opentr.preferences') || '{}').theme;
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  } catch (error) {
    // Without storage the system's setting decides.
  }
})();
