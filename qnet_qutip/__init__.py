from qnet_qutip.network import Bath, Network, Oscillator, TwoLevel, two_node
from qnet_qutip.spectra import CallableSpectrum, PhononSpectrum, decay_rate, excitation_rate
