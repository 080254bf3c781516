import os

# TensorFlow's C++ part writes start-up lines straight to the process's stderr. By default a kernel
# copies them into the learner's first cell; here they stay in the terminal that runs Jupyter.
# Python's own output, warnings and errors are not touched.
c = get_config()
c.IPKernelApp.capture_fd_output = False

# oneDNN's operations are faster, but TensorFlow uses them unasked only on some processors.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
