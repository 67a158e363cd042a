"""From pictures and a model to labels: any size, bounded memory, the same bits every time.

A workflow needs four calls for an image (see `predict_nuclei`, which makes them for a caller who
wants arrays):

1. ``predictor = open_predictor(settings.model, precision=settings.precision)``: the network of a
   package, or the built-in model ``classical``. Once for a run.
2. ``plan = choose_scale(image, predictor, settings)``: one `ScalePlan` for an image: working
   pixels per input pixel, where that comes from, and the findings ``scaled`` or
   ``assumed-scale``.
3. ``stacks(image, settings)`` yields one `Stack` for each frame: ``frame`` and
   ``planes``, one `Plane` for each Z, a lazy ``read(y0, y1)`` of rows over one channel.
4. ``result = segment_stack(stack, predictor, plan, settings, scratch=scratch)``: a `StackLabels`
   with ``n``, ``shape`` (``(Y, X)`` or ``(Z, Y, X)``), ``scores`` (float32, one for each label),
   ``findings`` and ``bands(height)``: an iterator of ``(z, y0, labels)`` with full-width rows, in
   raster order, labels uint32, numbered 1..n by their first pixel; ``tiles(height, width)`` gives
   the same in tiles for a tiled writer, and ``array()`` the whole as the smallest unsigned type.
   ``result.close()`` frees the scratch.

``scratch`` decides where what does not fit into memory waits: `MemoryScratch` here, a file beside
the output in `fatescope.run`. Nothing about execution (threads, memory, scratch, the height of
bands) changes a bit of the result: the tile grid depends on the image and the model alone, and
everything after the network is exact for any division of the plane (docs/how-it-works.md).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
